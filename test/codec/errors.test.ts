import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MoiraiError } from '../../dist/base/index.js';
import {
  decode,
  decodeError,
  encode,
  encodeError,
  type ErrorRecord,
} from '../../dist/codec/index.js';
import { MovingWriter, roundTrip } from './kit.js';

/** Through the memory, as an executor sends it. */
function cross(thrown: unknown, where?: string): unknown {
  return decodeError(roundTrip(encodeError(thrown)) as ErrorRecord, { where });
}

class ValidationError extends TypeError {
  override readonly name = 'ValidationError';
  readonly field: string;
  constructor(message: string, field: string) {
    super(message);
    this.field = field;
  }
}

describe('an error comes out of another thread', () => {
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])(
    'as an instance of %s',
    (type) => {
      const error = cross(new type('message')) as Error;
      expect(Object.getPrototypeOf(error)).toBe(type.prototype);
      expect(error.message).toBe('message');
      expect(error.name).toBe(type.name);
      expect(Object.keys(error)).toEqual([]);
    },
  );

  it('with the class, name and properties a user gave it', () => {
    const error = cross(new ValidationError('bad', 'email')) as ValidationError;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.name).toBe('ValidationError');
    expect(error.constructor.name).toBe('ValidationError');
    expect(error.field).toBe('email');
    expect(inspect(error)).toContain('ValidationError');
    const again = cross(new ValidationError('bad', 'email')) as Error;
    expect(again.constructor).toBe(error.constructor);
  });

  it('as a MoiraiError with its code and details', () => {
    const error = cross(
      new MoiraiError('ERR_MOIRAI_TIMEOUT', 'late', { scope: 'task', cause: 5 }),
    ) as MoiraiError;
    expect(error).toBeInstanceOf(MoiraiError);
    expect(error.code).toBe('ERR_MOIRAI_TIMEOUT');
    expect(error.scope).toBe('task');
    expect(error.cause).toBe(5);
    expect(error.name).toBe('MoiraiError');
  });

  it("of Node's own, with code and errno", () => {
    let thrown: unknown;
    try {
      readFileSync('/no/such/file');
    } catch (error) {
      thrown = error;
    }
    expect(cross(thrown)).toMatchObject({
      code: 'ENOENT',
      syscall: 'open',
      path: '/no/such/file',
      errno: -2,
    });
    try {
      new AsyncLocalStorage().run.call(null, 1, undefined as never);
      Buffer.alloc('x' as never);
    } catch (error) {
      thrown = error;
    }
    expect(cross(thrown)).toBeInstanceOf(TypeError);
  });

  it('as a DOMException', () => {
    const reason = AbortSignal.abort().reason as DOMException;
    const error = cross(reason) as DOMException;
    expect(error).toBeInstanceOf(DOMException);
    expect(error.name).toBe('AbortError');
    expect(error.code).toBe(20);
    expect(error.message).toBe(reason.message);
  });

  it('with cause, errors and errors among its properties', () => {
    const cause = new RangeError('inner', { cause: { plain: [1] } });
    const error = cross(
      Object.assign(new AggregateError([new TypeError('a'), 'b', () => 0], 'all', { cause }), {
        original: new SyntaxError('c'),
      }),
    ) as AggregateError & { original: Error; cause: Error };
    expect(error).toBeInstanceOf(AggregateError);
    expect(Object.getPrototypeOf(error)).toBe(AggregateError.prototype);
    expect(error.errors[0]).toBeInstanceOf(TypeError);
    expect(error.errors[1]).toBe('b');
    expect(error.errors[2]).toMatchObject({ code: 'ERR_MOIRAI_NOT_SERIALIZABLE' });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause.cause).toEqual({ plain: [1] });
    expect(error.original).toBeInstanceOf(SyntaxError);
    expect(Object.keys(error)).toEqual(['original']);
  });

  it('that is its own cause', () => {
    const error: Error = new Error('loop');
    error.cause = new Error('round', { cause: error });
    const other = cross(error) as Error & { cause: Error };
    expect(other.cause.cause).toBe(other);
    let deep: Error = new Error('0');
    for (let i = 0; i < 5000; i++) deep = new Error(String(i), { cause: deep });
    expect((cross(deep) as Error).message).toBe('4999');
  });

  it('of another realm', () => {
    expect(cross(runInNewContext('new RangeError("far")'))).toBeInstanceOf(RangeError);
  });
});

describe('the stack', () => {
  it('is the remote one, then the place, then the local one', function awaitingFunction() {
    function thrower(): Error {
      return new Error('deep');
    }
    const remote = thrower();
    const { stack } = cross(remote, '<worker 1> digest') as Error;
    const [before, after] = String(stack).split('\n    at <worker 1> digest\n');
    expect(before).toBe(remote.stack);
    expect(after).toContain('errors.test.ts');
    expect(after).not.toContain('dist/codec');
  });

  it('starts below the function that is named', () => {
    function executorInternals(): unknown {
      return decodeError(encodeError(new Error('x')), {
        where: '<worker 0> f',
        below: executorInternals,
      });
    }
    const { stack } = executorInternals() as Error;
    expect(stack).toContain('    at <worker 0> f\n');
    expect(stack?.split('<worker 0> f')[1]).not.toContain('executorInternals');
  });

  it('of a cause stays as it was', () => {
    const cause = new Error('inner');
    expect(
      (cross(new Error('outer', { cause }), '<worker 1> f') as { cause: Error }).cause.stack,
    ).toBe(cause.stack);
  });

  it('is no property to be seen', () => {
    const error = cross(new Error('x')) as Error;
    expect(Object.getOwnPropertyDescriptor(error, 'stack')?.enumerable).toBe(false);
    expect(Object.getOwnPropertyDescriptor(error, 'message')?.enumerable).toBe(false);
  });
});

describe('what is thrown but no error', () => {
  it.each([undefined, null, 0, 'text', 5n, true])('%s comes out as it is', (value) => {
    expect(cross(value)).toBe(value);
  });

  it('objects come out as clones', () => {
    const value = { status: 404, list: [1] };
    expect(cross(value)).toEqual(value);
    expect(cross(value)).not.toBe(value);
  });

  it.each<[string, () => unknown]>([
    ['a function', () => () => 0],
    ['a symbol', () => Symbol('s')],
    ['a promise', () => Promise.resolve()],
    ['a proxy', () => new Proxy({}, {})],
    ['a proxy of an error', () => new Proxy(new Error('x'), {})],
    [
      'an object with an angry getter',
      () => ({
        get a() {
          throw new Error('angry');
        },
      }),
    ],
  ])('%s gives an error that says so', (_, make) => {
    expect(cross(make())).toMatchObject({ code: 'ERR_MOIRAI_NOT_SERIALIZABLE' });
    expect(cross(make())).toBeInstanceOf(MoiraiError);
  });
});

describe('hostile errors', () => {
  const angry = (): never => {
    throw new Error('angry');
  };
  const withGetter = (key: string) =>
    Object.defineProperty(new Error('base'), key, { get: angry, enumerable: true });

  it.each(['name', 'message', 'stack', 'cause', 'code', 'constructor', 'extra'])(
    'a getter for %s',
    (key) => {
      expect(cross(withGetter(key))).toBeInstanceOf(Error);
    },
  );

  it.each<[string, () => unknown]>([
    [
      'own properties that cannot be cloned',
      () => Object.assign(new Error('base'), { socket: () => 0, port: new Proxy({}, {}), kept: 1 }),
    ],
    [
      'strange types',
      () => Object.assign(new Error('base'), { name: 5, stack: { a: 1 }, kept: 1 }),
    ],
    [
      'a prototype that is a Proxy',
      () =>
        Object.setPrototypeOf(
          Object.assign(new Error('base'), { kept: 1 }),
          new Proxy(Error.prototype, { getPrototypeOf: angry }),
        ) as unknown,
    ],
    [
      'no prototype',
      () => Object.setPrototypeOf(Object.assign(new Error('base'), { kept: 1 }), null) as unknown,
    ],
    [
      'errors that cannot be iterated',
      () => Object.assign(new AggregateError([], 'base'), { errors: 5, kept: 1 }),
    ],
    [
      '__proto__ as a property',
      () =>
        Object.defineProperty(Object.assign(new Error('base'), { kept: 1 }), '__proto__', {
          value: { bad: 1 },
          enumerable: true,
        }),
    ],
  ])('%s', (_, make) => {
    const error = cross(make()) as Error & { kept: number };
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('base');
    expect(error.kept).toBe(1);
    expect(typeof error.stack).toBe('string');
  });

  it('a value whose getter changes its mind is read once', () => {
    let reads = 0;
    const error = Object.assign(new Error('base'), {
      data: {
        get a() {
          return reads++ === 0 ? 1 : angry();
        },
      },
    });
    const record = encodeError(error);
    const writer = new MovingWriter();
    encode(writer, record);
    expect(decodeError(writer.finish(decode) as ErrorRecord)).toMatchObject({ data: { a: 1 } });
  });

  it('10,000 class names do not make 10,000 classes', () => {
    for (let i = 0; i < 10_000; i++) {
      const error = cross(
        Object.assign(new Error('x'), { constructor: { name: `Class${i}` } }),
      ) as Error;
      expect(error).toBeInstanceOf(Error);
    }
  });
});
