import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { attach, createChannel, f64, numa, NumaPool, share, type Shared } from 'moirai';

const fixture = new URL('./fixtures/attach.mjs', import.meta.url);

/** What a thread says of each handle that it attaches, in turn. */
async function attachedElsewhere(...handles: Shared<unknown>[]): Promise<string[]> {
  const worker = new Worker(fixture, { workerData: { handles } });
  const said: string[] = [];
  worker.on('message', (one: string) => said.push(one));
  await once(worker, 'exit');
  return said;
}

function code(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

test('what can be shared arrives in another thread as what it is', async () => {
  const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64() });
  const memory = numa.allocate(4096);
  using pool = new NumaPool({ blockSize: 64, blocksPerNode: 2 });
  const said = await attachedElsewhere(share(sender), share(memory), share(pool));
  expect(said).toEqual(['Sender', 'NumaBuffer', 'NumaPool']);
  expect(receiver.tryReceive()).toBe(1);
  expect(memory.view(Uint8Array)[0]).toBe(7);
  expect(pool.stats().inUse).toBe(0);
});

test('a handle is good once, in whichever thread', async () => {
  const memory = numa.allocate(4096);
  const { sender, receiver } = createChannel({ codec: f64() });
  const handles = [share(memory), share(sender), share(sender)] as const;
  const [first, second, third] = handles;
  expect(await attachedElsewhere(first, first, second)).toEqual([
    'NumaBuffer',
    'ERR_MOIRAI_CLOSED',
    'Sender',
  ]);
  expect(code(() => attach(first))).toBe('ERR_MOIRAI_CLOSED');
  // Of two clones on their way each handle stands for one: the other's is not taken instead.
  expect(code(() => attach(second))).toBe('ERR_MOIRAI_CLOSED');
  expect(attach(third).trySend(2)).toBe(true);
  expect([receiver.tryReceive(), receiver.tryReceive()]).toEqual([1, 2]);
});

test('a handle that could not be attached for want of descriptors is as good as before', async () => {
  const program = fileURLToPath(new URL('./fixtures/descriptors.mjs', import.meta.url));
  const child = spawn('sh', ['-c', 'ulimit -n 100; exec "$0" "$1"', process.execPath, program]);
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => said.push(data));
  }
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(Buffer.concat(said).toString()).toBe('ERR_MOIRAI_SYSTEM 1 2\n');
});

test.each(['broadcast', 'rendezvous'] as const)(
  'a sender of kind %s for which there is no place can be attached when there is one',
  (kind) => {
    const { sender, receiver } = createChannel({ kind, codec: f64() });
    const others: Disposable[] = [];
    const handle = share(sender);
    const full = code(() => {
      for (;;) others.push(sender.clone());
    });
    expect(full).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
    expect(code(() => attach(handle))).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
    for (const one of others) one[Symbol.dispose]();
    const arrived = attach(handle);
    sender.close();
    expect(receiver.senders).toBe(1);
    arrived.close();
    expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
  },
);

test('refuses what is not to be shared, and what is no handle', () => {
  const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64() });
  for (const value of [
    undefined,
    null,
    1,
    {},
    new Map(),
    () => 1,
    { [Symbol('moirai.sharing')]: 1 },
  ]) {
    expect(code(() => share(value as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    expect(code(() => attach(value as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
  const unknown = { moirai: 'Nothing', ticket: 1, value: 1 };
  expect(code(() => attach(unknown))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  const forged = { ...share(numa.allocate(4096)), value: [new SharedArrayBuffer(8), 8] };
  expect(code(() => attach(forged))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  const memory = numa.allocate(4096);
  memory.free();
  sender.close();
  for (const closed of [sender, memory])
    expect(code(() => share(closed))).toBe('ERR_MOIRAI_CLOSED');
  receiver.close();
});
