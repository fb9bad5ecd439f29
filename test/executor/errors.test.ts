// A user's error crosses threads whole.
import { MoiraiError } from 'moirai';
import { describe, expect, test } from 'vitest';
import { codeIn, failureOf, fixture, startExecutor } from './kit.js';

describe.each(['synchronous', 'async'])('an error thrown by a %s task', (kind) => {
  async function theError(): Promise<Error> {
    const { run } = await startExecutor();
    async function whoAwaitsIt(): Promise<unknown> {
      // oxlint-disable-next-line typescript/return-await -- so that it is on the stack
      return await (kind === 'async' ? run.rejectRefused('no way') : run.throwRefused('no way'));
    }
    return (await failureOf(whoAwaitsIt())) as Error;
  }

  test('keeps its class below the nearest built-in one, message, code and own properties', async () => {
    const error = await theError();
    expect(error).toBeInstanceOf(TypeError);
    expect(error.constructor.name).toBe('Refused');
    expect(error.message).toBe('no way');
    expect(codeIn(error)).toBe('E_REFUSED');
    expect(error).toMatchObject({ detail: { attempts: 3, when: new Date(0) } });
    expect(Object.keys(error).sort()).toEqual(['code', 'detail']);
  });

  test('has both sides in its stack: where it was thrown and who awaited it', async () => {
    const { stack = '' } = await theError();
    const lines = stack.split('\n');
    expect(lines[0]).toContain('no way');
    const thrown = lines.findIndex((line) => line.includes(fixture('tasks.mjs').href));
    const border = lines.findIndex((line) => /<worker \d> (?:throw|reject)Refused/u.test(line));
    const awaited = lines.findIndex((line) => /whoAwaitsIt.*errors\.test/u.test(line));
    expect(thrown, stack).toBeGreaterThan(0);
    expect(border, stack).toBeGreaterThan(thrown);
    expect(awaited, stack).toBeGreaterThan(border);
  });
});

test('the chain of causes crosses, to its end', async () => {
  const { run } = await startExecutor();
  const error = (await failureOf(run.throwRefused('no'))) as Error;
  expect(error.cause).toBeInstanceOf(RangeError);
  expect((error.cause as Error).message).toBe('the cause');
  expect((error.cause as Error).cause).toBe('the root');
});

test('an AggregateError keeps its errors', async () => {
  const { run } = await startExecutor();
  const error = (await failureOf(run.throwAggregate())) as AggregateError;
  expect(error).toBeInstanceOf(AggregateError);
  expect(error.message).toBe('several');
  expect(error.errors).toHaveLength(3);
  expect(error.errors[0]).toBeInstanceOf(TypeError);
  expect((error.errors[1] as Error).constructor.name).toBe('Refused');
  expect(error.errors[2]).toBe('three');
});

test.each([
  ['undefined', undefined],
  ['null', null],
  ['a string', 'oops'],
  ['a number', 0],
  ['a bigint', 5n],
  ['an object', { status: 404, nested: { list: [1, 2] } }],
  ['a Map', new Map([['a', 1]])],
])('%s that is thrown arrives as it was', async (_, value) => {
  const { run } = await startExecutor({ threads: 1 });
  expect(await failureOf(run.throwValue(value))).toEqual(value);
});

test('what is thrown and cannot be sent still ends the task, with a failure of some use', async () => {
  const executor = await startExecutor({ threads: 1 });
  const { run } = executor;
  const odd = await failureOf(run.throwUnsendable());
  expect(odd).toBeDefined();
  const mixed = (await failureOf(run.throwErrorWithFunction())) as Error;
  expect(mixed).toBeInstanceOf(Error);
  expect(mixed.message).toBe('with a function');
  expect(mixed).toMatchObject({ kept: 1 });
  expect(await failureOf(run.throwHostile())).toBeInstanceOf(Error);
  expect(await run.add(1, 1), 'the worker goes on').toBe(2);
});

test('tryJoin and joinSync throw the same error, with the local side of whoever looks', async () => {
  const executor = await startExecutor();
  const handle = executor.spawn('throwRefused', ['no']);
  function whoLooks(): unknown {
    return handle.joinSync(20_000);
  }
  let error: unknown;
  try {
    whoLooks();
  } catch (thrown) {
    error = thrown;
  }
  expect(codeIn(error)).toBe('E_REFUSED');
  expect((error as Error).stack).toContain('whoLooks');
  expect((error as Error).stack).toContain(fixture('tasks.mjs').href);
});

test('the package names its own failures by code, as instances of MoiraiError', async () => {
  const executor = await startExecutor({ threads: 1 });
  for (const give of [
    () => executor.run.exit(0),
    () => executor.run.unsendable('function'),
    () => executor.run.identity(() => 1),
  ]) {
    const error = await failureOf(give());
    expect(error).toBeInstanceOf(MoiraiError);
    expect(codeIn(error)).toMatch(/^ERR_MOIRAI_(?:WORKER_LOST|NOT_SERIALIZABLE)$/u);
  }
});
