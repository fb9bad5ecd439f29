// Compiled, never run: each line that must not compile is marked, and tsc fails if it does.
import { Executor, type Codec, type ExecutorOptions, type TaskHandle, type TaskName } from 'moirai';

interface Item {
  readonly id: number;
}

// A task module as its namespace type would be.
declare const tasks: {
  add(a: number, b: number): number;
  head(url: string): Promise<string>;
  first<T>(list: readonly T[]): Promise<T>;
  pick(key: 'a'): Promise<number>;
  pick(key: 'b'): Promise<string>;
  nothing(): void;
  maybe(flag?: boolean): string | undefined;
  sum(...values: number[]): number;
  either(n: number): number | Promise<number>;
  items(item: Item): Item[];
  fails(why: string): never;
  default(text: string): number;
  readonly version: string;
  Shape: new (sides: number) => { sides: number };
};
type Tasks = typeof tasks;

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(equal: Equal<A, B>): void {
  void equal;
}

export async function check(executor: Executor<Tasks>): Promise<void> {
  const { run } = executor;

  // Names: the functions of the module and nothing else.
  same<
    TaskName<Tasks>,
    | 'add'
    | 'head'
    | 'first'
    | 'pick'
    | 'nothing'
    | 'maybe'
    | 'sum'
    | 'either'
    | 'items'
    | 'fails'
    | 'default'
  >(true);
  // @ts-expect-error A name that the module does not export.
  run.missing;
  // @ts-expect-error A constant is no task.
  run.version;
  // @ts-expect-error A class is no task.
  run.Shape;

  // Results: always a promise, of what the task gives in the end.
  const sum = run.add(1, 2);
  same<typeof sum, Promise<number>>(true);
  const text = run.head('url');
  same<typeof text, Promise<string>>(true);
  const either = run.either(1);
  same<typeof either, Promise<number>>(true);
  const maybe = run.maybe();
  same<typeof maybe, Promise<string | undefined>>(true);
  const failing = run.fails('why');
  same<typeof failing, Promise<never>>(true);
  run.nothing() satisfies Promise<void>;
  run.default('text') satisfies Promise<number>;
  run.sum(1, 2, 3) satisfies Promise<number>;

  // Generics and overloads of functions that return promises are kept.
  const item = run.first([{ id: 1 }]);
  same<typeof item, Promise<{ id: number }>>(true);
  const a = run.pick('a');
  same<typeof a, Promise<number>>(true);
  const b = run.pick('b');
  same<typeof b, Promise<string>>(true);
  // @ts-expect-error No overload takes this.
  run.pick('c');

  // Arguments.
  // @ts-expect-error Too few.
  run.add(1);
  // @ts-expect-error Too many.
  run.add(1, 2, 3);
  // @ts-expect-error Wrong type.
  run.add(1, '2');
  // @ts-expect-error Wrong shape.
  run.items({ ide: 1 });
  // @ts-expect-error run is not assigned.
  executor.run = run;
  // @ts-expect-error Nor are its functions.
  run.add = run.sum;

  // spawn
  const handle = executor.spawn('add', [1, 2]);
  same<typeof handle, TaskHandle<number>>(true);
  handle satisfies Promise<number>;
  same<Awaited<typeof handle>, number>(true);
  handle.tryJoin() satisfies { value: number } | undefined;
  handle.joinSync(5) satisfies number;
  handle.joinTimeout(5) satisfies Promise<number>;
  const headed = executor.spawn('head', ['url'], { signal: AbortSignal.timeout(5), node: 0 });
  same<typeof headed, TaskHandle<string>>(true);
  executor.spawn('add', [1, 2], { priority: 'high', deadline: 5, timeout: 100, grace: 5 });
  executor.spawn('add', [1, 2], { idempotent: true, blocking: true, priority: undefined });
  // @ts-expect-error No such priority.
  executor.spawn('add', [1, 2], { priority: 'urgent' });
  handle.cancel('why', { force: true, grace: 5 }) satisfies boolean;
  // @ts-expect-error An option that does not exist.
  handle.cancel('why', { forced: true });
  executor.resize(3) satisfies Promise<void>;
  executor.on('needsDrain', () => undefined);
  executor.on('drain', () => undefined);
  executor.spawn('sum', [1, 2, 3]);
  executor.spawn('maybe', []);
  executor.spawn('nothing', []);
  // @ts-expect-error A name that does not exist.
  executor.spawn('missing', []);
  // @ts-expect-error A constant is no task.
  executor.spawn('version', []);
  // @ts-expect-error Too few arguments.
  executor.spawn('add', [1]);
  // @ts-expect-error Too many arguments.
  executor.spawn('add', [1, 2, 3]);
  // @ts-expect-error A wrong argument.
  executor.spawn('head', [5]);
  // @ts-expect-error Arguments are in an array.
  executor.spawn('nothing');
  // @ts-expect-error An option that does not exist.
  executor.spawn('nothing', [], { signals: undefined });
  // @ts-expect-error The result of another type.
  executor.spawn('add', [1, 2]) satisfies TaskHandle<string>;
  // @ts-expect-error Read only.
  handle.id = 5;

  // call
  const called = executor.call((n: number, s: string) => s.length + n, 1, 'x');
  same<typeof called, Promise<number>>(true);
  const calledAsync = executor.call(async (n: number) => [n], 1);
  same<typeof calledAsync, Promise<number[]>>(true);
  // @ts-expect-error A wrong argument.
  executor.call((n: number) => n, 'one');
  // @ts-expect-error A missing one.
  executor.call((n: number) => n);

  // map
  for await (const headers of executor.map('head', ['a', 'b'], { ordered: false })) {
    same<typeof headers, string>(true);
  }
  for await (const list of executor.map('items', new Set<Item>())) same<typeof list, Item[]>(true);
  executor.map('maybe', [true, undefined]);
  executor.map('sum', [1, 2]);
  executor.map('nothing', [undefined]);
  async function* urls(): AsyncGenerator<string> {
    yield 'url';
  }
  executor.map('head', urls(), { concurrency: 4, signal: AbortSignal.abort() });
  // @ts-expect-error Items of a wrong type.
  executor.map('head', [1, 2]);
  // @ts-expect-error Rest parameters have their type too.
  executor.map('sum', ['one']);
  // @ts-expect-error A name that does not exist.
  executor.map('missing', [1]);
  // @ts-expect-error An option that does not exist.
  executor.map('head', ['a'], { parallel: 4 });

  // close and events
  executor.close({ force: true, timeout: undefined }) satisfies Promise<void>;
  // @ts-expect-error An option that does not exist.
  void executor.close({ forced: true });
  executor.on('workerCreate', (worker) => worker satisfies number);
  // @ts-expect-error An event that does not exist.
  executor.on('workerCreated', () => undefined);
  executor satisfies AsyncDisposable;
}

export async function start(): Promise<void> {
  const typed = await Executor.start<typeof tasks>({ tasks: './tasks.js', threads: 'cores' });
  typed satisfies Executor<Tasks>;
  const untyped = await Executor.start();
  untyped.spawn('whatever', [1, 'two']) satisfies TaskHandle<unknown>;
  // @ts-expect-error Neither a URL nor a path.
  await Executor.start({ tasks: 5 });
  // @ts-expect-error A misspelt option.
  await Executor.start({ thread: 2 });
  // @ts-expect-error A value that is not allowed.
  await Executor.start({ threads: 'all' });
  // @ts-expect-error A value that is not allowed.
  await Executor.start({ pin: 'socket' });
  // @ts-expect-error Types that are no module.
  await Executor.start<5>();
}

// Every option may be undefined, and none is writable.
({
  tasks: undefined,
  codecs: undefined,
  threads: undefined,
  pin: undefined,
  nodes: undefined,
  spinUs: undefined,
  maxQueue: undefined,
  concurrency: undefined,
  name: undefined,
  resourceLimits: undefined,
  env: undefined,
  argv: undefined,
  execArgv: undefined,
  workerData: undefined,
}) satisfies ExecutorOptions;
export function change(options: ExecutorOptions): void {
  // @ts-expect-error Read only.
  options.threads = 5;
}

// Codecs know their class; what comes to decode is unknown.
class Money {
  readonly cents: bigint;
  constructor(cents: bigint) {
    this.cents = cents;
  }
}
export const money: Codec<Money> = {
  type: Money,
  encode: (value) => value.cents,
  decode(encoded) {
    same<typeof encoded, unknown>(true);
    return new Money(encoded as bigint);
  },
};
money satisfies Codec<unknown>;
({
  type: Money,
  // @ts-expect-error Not a property of the class.
  encode: (value) => value.dollars,
  decode: () => new Money(1n),
}) satisfies Codec<Money>;
({
  type: Money,
  encode: () => 1,
  // @ts-expect-error Not an instance.
  decode: () => 1n,
}) satisfies Codec<Money>;
// @ts-expect-error Not complete.
({ type: Money, encode: () => 1 }) satisfies Codec<Money>;
