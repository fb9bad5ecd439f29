// A strict user's program that touches every part of the package: what of it must compile, and what not.
import {
  attach,
  createChannel,
  Executor,
  f64,
  MoiraiError,
  Mutex,
  numa,
  RealtimeContext,
  RtConstraints,
  share,
  SharedMap,
  struct,
  topology,
  type ExecutorStats,
} from 'moirai';
import type * as loops from './loops.js';
import type * as tasks from './tasks.js';

export async function executor(): Promise<ExecutorStats> {
  await using pool = await Executor.start<typeof tasks>({
    tasks: new URL('./tasks.js', import.meta.url),
  });
  const sum: number = await pool.run.add(1, 2);
  const { byteLength }: ArrayBuffer = await pool.spawn('picture', [sum], { priority: 'high' });
  // @ts-expect-error no task has this name
  await pool.run.ad(1, 2);
  // @ts-expect-error the second number is missing
  await pool.run.add(byteLength);
  return pool.stats();
}

export async function channel(): Promise<number> {
  const { sender, receiver } = createChannel({ codec: struct({ price: 'f64', seq: 'u32' }) });
  sender.trySend({ price: 1.5, seq: 1 });
  // @ts-expect-error a field is missing
  sender.trySend({ price: 1.5 });
  let sum = 0;
  for await (const { price, seq } of receiver) sum += price * seq;
  const numbers = createChannel({ kind: 'spsc', codec: f64() });
  const elsewhere = attach(share(numbers.sender));
  elsewhere.close();
  return sum;
}

export async function locks(): Promise<void> {
  using mutex = new Mutex();
  using guard = await mutex.lockAsync({ timeout: 100 });
  void guard;
  using map = new SharedMap({ capacity: 8, valueBytes: 8 });
  const value: Uint8Array | undefined = map.get('key');
  void value;
}

export function memory(): SharedArrayBuffer {
  using block = numa.allocate(4096, { node: topology().nodes[0]?.id ?? 0 });
  return block.buffer;
}

export async function realtime(): Promise<string> {
  await using context = await RealtimeContext.start<typeof loops>({
    tasks: new URL('./loops.js', import.meta.url),
    policy: RtConstraints.fifo(80),
    required: false,
  });
  const task = context.periodic('control', { periodUs: 1000 });
  await task.stop();
  return task.stats().state;
}

export const code = (error: unknown): string | undefined =>
  error instanceof MoiraiError ? error.code : undefined;
