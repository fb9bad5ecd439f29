// The user's own codecs: class instances that cross threads as instances.
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Executor, MoiraiError } from 'moirai';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type * as classes from './fixtures/classes.mjs';
import { bounded, codeIn, failureOf, fixture, thrownBy } from './kit.js';

// Loaded by Node itself, as the codec module loads them: the test runner would make classes of its own.
const { Busy, Callback, Fails, List, Money, Node, Pixels } = createRequire(import.meta.url)(
  './fixtures/classes.mjs',
) as typeof classes;
type Money = classes.Money;
type Node = classes.Node;
type Pixels = classes.Pixels;

async function start(): Promise<Executor> {
  const executor = await bounded(
    Executor.start({
      tasks: fixture('codec-tasks.mjs'),
      codecs: fixture('codecs.mjs'),
      threads: 1,
    }),
    'Executor.start',
  );
  onTestFinished(() => executor.close({ force: true }));
  return executor;
}

const run = (executor: Executor, name: string, ...args: unknown[]): Promise<unknown> =>
  bounded(executor.spawn(name, args), name);

describe('instances', () => {
  test('are instances in the task and in its result', async () => {
    const executor = await start();
    expect(await run(executor, 'classesOf', new Money(1n, 'EUR'), { n: 1 }, new Node(1))).toEqual([
      'Money',
      'object',
      'Node',
    ]);
    const twice = await run(executor, 'double', new Money(21n, 'EUR'));
    expect(twice).toBeInstanceOf(Money);
    expect((twice as Money).cents).toBe(42n);
    expect(await run(executor, 'asyncIdentity', new Money(1n, 'EUR'))).toBeInstanceOf(Money);
  });

  test('are found wherever they are, and are one where they were one', async () => {
    const executor = await start();
    const money = new Money(5n, 'CHF');
    const chain = new Node(money, new Node(List.from([money, 2]), null));
    const value = { chain, map: new Map([[money, new Set([money])]]), list: [[money]] };
    const back = (await run(executor, 'identity', value)) as typeof value;
    const first = back.chain.value as Money;
    expect(first).toBeInstanceOf(Money);
    expect(first.cents).toBe(5n);
    const rest = back.chain.next as Node;
    expect(rest).toBeInstanceOf(Node);
    expect(rest.value).toBeInstanceOf(List);
    expect((rest.value as unknown[])[0]).toBe(first);
    expect([...back.map.keys()][0]).toBe(first);
    expect([...(back.map.get(first) ?? [])][0]).toBe(first);
    expect(back.list[0]?.[0]).toBe(first);
  });

  test('also in values that only a port can carry, and in those that move', async () => {
    const executor = await start();
    const money = new Money(5n, 'CHF');
    const value = {
      blob: new Blob(['x']),
      list: [money, new Node(money, [new Node(1)])] as const,
      map: new Map([['k', new Set([money])]]),
    };
    const back = (await run(executor, 'identity', value)) as typeof value;
    expect(back.blob).toBeInstanceOf(Blob);
    expect(back.list[0]).toBeInstanceOf(Money);
    expect(back.list[1]).toBeInstanceOf(Node);
    expect(back.list[1].value).toBe(back.list[0]);
    expect((back.list[1].next as unknown[])[0]).toBeInstanceOf(Node);
    expect([...(back.map.get('k') ?? [])][0]).toBe(back.list[0]);

    const bytes = new Uint8Array(1000);
    const there = executor.spawn('classesOf', [new Pixels(bytes)], { transfer: [bytes.buffer] });
    expect(bytes.length).toBe(0);
    expect(await bounded(there, 'classesOf')).toEqual(['Pixels']);
    const moved = (await run(executor, 'moved', 500)) as { pixels: Pixels; list: Uint8Array[] };
    expect(moved.pixels).toBeInstanceOf(Pixels);
    expect(moved.pixels.bytes).toBe(moved.list[0]);
    expect(moved.pixels.bytes[499]).toBe(7);
  });

  test('decoded by code that runs tasks itself, in the midst of others that are done', async () => {
    const executor = await start();
    const side = globalThis as { whileDecoding?: () => void };
    let inner = 0;
    side.whileDecoding = () => {
      const mine = inner++; // while this one waits, others are decoded
      const value = { a: [mine, { b: 'text' }], c: new Money(BigInt(mine), 'EUR') };
      const back = executor.spawn('identity', [value]).joinSync(60_000) as typeof value;
      expect(back.a).toEqual([mine, { b: 'text' }]);
      expect(back.c.cents).toBe(BigInt(mine));
    };
    onTestFinished(() => {
      delete side.whileDecoding;
    });
    const shared = { n: 1 };
    const all = await bounded(
      Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          run(executor, 'identity', [i, shared, new Busy({ i }), shared, `after ${i}`]),
        ),
      ),
      'all tasks',
    );
    expect(inner).toBe(200);
    for (const [i, back] of (all as unknown[][]).entries()) {
      expect(back[0]).toBe(i);
      expect(back[1]).toBe(back[3]);
      expect((back[2] as { inner: unknown }).inner).toEqual({ i });
      expect(back[4]).toBe(`after ${i}`);
    }
  });

  test('of a subclass, or without codecs, are plain objects as ever', async () => {
    class Special extends Node {}
    const executor = await start();
    const back = (await run(executor, 'identity', new Special(1, 2))) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(back).toEqual({ value: 1, next: 2 });
  });
});

describe('what cannot be', () => {
  test('an encode that throws: NOT_SERIALIZABLE with the cause, and nothing is sent', async () => {
    const executor = await start();
    for (const value of [new Fails('encode'), { blob: new Blob([]), bad: [new Fails('encode')] }]) {
      const error = thrownBy(() => executor.spawn('identity', [value]));
      expect(error).toBeInstanceOf(MoiraiError);
      expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
      expect((error as Error).cause).toBeInstanceOf(RangeError);
      expect((error as Error).message).toContain('the failing one');
      expect(executor.stats().outstanding).toBe(0);
    }
    const there = await failureOf(run(executor, 'failing', 'encode'));
    expect(codeIn(there)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect((there as Error).cause).toBeInstanceOf(RangeError);
    expect(await run(executor, 'identity', 1)).toBe(1);
  });

  test('a decode that throws, there and here: the task fails, others go on', async () => {
    const executor = await start();
    for (const value of [new Fails('decode'), [new Blob([]), new Fails('decode')]]) {
      const error = await failureOf(run(executor, 'identity', value));
      expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
      expect((error as Error).cause).toBeInstanceOf(RangeError);
    }
    const error = await failureOf(run(executor, 'failing', 'decode'));
    expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect(await run(executor, 'identity', new Fails('never'))).toBeInstanceOf(Fails);
  });

  test('an instance within what its own codec gives', async () => {
    const executor = await start();
    const ring = new Node(1);
    ring.next = new Node(2, ring);
    for (const value of [ring, [new Blob([]), ring]]) {
      const error = thrownBy(() => executor.spawn('identity', [value]));
      expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    }
    expect(executor.stats().outstanding).toBe(0);
  });

  test('a codec that gives a function', async () => {
    const executor = await start();
    const error = thrownBy(() => executor.spawn('identity', [new Callback()]));
    expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect((error as Error).message).toContain("codec 'callback' of Callback");
  });
});

describe('a codec module', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moirai-codecs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let files = 0;
  const refusal = async (text: string): Promise<unknown> => {
    const path = join(folder, `codecs-${files++}.mjs`);
    writeFileSync(path, text);
    return failureOf(Executor.start({ codecs: path, threads: 1 }), text);
  };
  const rest = 'encode: (x) => x, decode: (x) => x';

  test.each([
    [
      'exports something else',
      `export const one = { type: class A {}, ${rest} }; export const x = 5;`,
      ': x ',
    ],
    ['exports a function', 'export function helper() {}', ': helper '],
    ['has no class', `export const one = { ${rest} };`, ': one.type '],
    [
      'has an arrow function for a class',
      `export const one = { type: () => 1, ${rest} };`,
      ': one.type ',
    ],
    ['is for every object', `export const one = { type: Object, ${rest} };`, ': one.type '],
    [
      'cannot decode',
      'export const one = { type: class A {}, encode: (x) => x };',
      ': one.decode ',
    ],
    [
      'has a name that is none',
      `export const one = { type: class A {}, name: 5, ${rest} };`,
      ': one.name ',
    ],
    [
      'has two for one class',
      `class A {} export const one = { type: A, ${rest} }; export const two = { type: A, ${rest} };`,
      ': two.type ',
    ],
  ])('that %s is refused by name', async (_, text, named) => {
    const error = await refusal(text);
    expect(codeIn(error)).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    expect((error as Error).message).toContain(named);
  });

  test('that throws or is missing is not loaded', async () => {
    expect(codeIn(await refusal('throw new Error("no")'))).toBe('ERR_MOIRAI_TASKS_NOT_LOADED');
    expect(
      codeIn(await failureOf(Executor.start({ codecs: join(folder, 'none.mjs'), threads: 1 }))),
    ).toBe('ERR_MOIRAI_TASKS_NOT_LOADED');
    expect(codeIn(await failureOf(Executor.start({ codecs: 5 as never })))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
  });

  test('that exports others in a worker is refused', async () => {
    const path = join(folder, 'codecs-differ.cjs');
    writeFileSync(
      path,
      `const inWorker = process.argv.includes('in-worker');
       exports[inWorker ? 'there' : 'here'] = { type: class A {}, ${rest} };`,
    );
    const started = Executor.start({ codecs: path, threads: 1, argv: ['in-worker'] });
    expect(codeIn(await failureOf(started))).toBe('ERR_MOIRAI_TASKS_NOT_LOADED');
  });

  test('may be CommonJS', async () => {
    const path = join(folder, 'codecs.cjs');
    writeFileSync(
      path,
      `class Point { constructor(x) { this.x = x; } }
       const codec = { type: Point, encode: (p) => p.x, decode: (x) => new Point(x) };
       module.exports = Object.fromEntries([['point', codec]]);`,
    );
    const executor = await bounded(Executor.start({ codecs: path, threads: 1 }), 'start');
    await executor.close();
  });
});
