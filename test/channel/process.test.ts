import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, truncateSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, test } from 'vitest';
import {
  bytes,
  cloneable,
  createChannel,
  f64,
  openChannel,
  share,
  SharedRegion,
  struct,
  u32,
  unlinkChannel,
  utf8,
  type PeerLoss,
  type ProcessChannelKind,
} from 'moirai';

const kinds: readonly ProcessChannelKind[] = ['spsc', 'mpmc'];
const peer = fileURLToPath(new URL('fixtures/process-peer.mjs', import.meta.url));
const name = `test-${process.pid}`;
const back = `${name}-back`;
const path = `/dev/shm/moirai-${process.geteuid?.()}-channel.${name}`;
const none: PeerLoss = { senders: 0, receivers: 0, messages: 0 };
const tick = struct({ seq: 'u32', price: 'f64' });

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
  unlinkChannel(name);
  unlinkChannel(back);
});

function start(...args: string[]): ChildProcess {
  const child = fork(peer, args);
  children.push(child);
  return child;
}

async function exitOf(child: ChildProcess): Promise<unknown[]> {
  return child.exitCode === null && child.signalCode === null
    ? once(child, 'exit')
    : [child.exitCode, child.signalCode];
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  expect(await exitOf(child)).toEqual([null, 'SIGKILL']);
}

function failure(action: () => unknown): { code?: unknown; message?: string; errno?: number } {
  try {
    action();
  } catch (error) {
    return error as { code?: unknown; message?: string };
  }
  return {};
}

function noPromise(): { promise: Promise<PeerLoss>; resolve: (loss: PeerLoss) => void } {
  let resolve: (loss: PeerLoss) => void = () => {};
  const promise = new Promise<PeerLoss>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe.each(kinds)('a channel between processes of kind %s', (kind) => {
  it('carries messages to another process and back, by name', async () => {
    const there = createChannel({ kind, name, codec: cloneable() });
    const answers = createChannel({ kind, name: back, codec: cloneable() });
    const { sender } = there;
    const { receiver } = answers;
    const child = start('echo', name, back);
    const values = [1, 'two', { three: [3, new Date(3)] }, null, new Uint8Array([5])];
    for (const value of values) {
      await sender.send(value);
      expect(await receiver.receive()).toEqual(value);
    }
    sender.close();
    await expect(receiver.receive()).rejects.toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED' });
    expect(await exitOf(child)).toEqual([0, null]);
    expect(there.losses()).toEqual(none);
  });

  it('carries messages by descriptor, in order, more than it holds at a time', async () => {
    using channel = createChannel({ kind, processes: true, codec: f64(), capacity: 64 });
    const { receiver } = channel;
    const child = fork(peer, ['send', '4', '0', '5000'], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', channel.fd],
    });
    children.push(child);
    let next = 0;
    for await (const value of receiver) {
      expect(value).toBe(next);
      next++;
    }
    expect(next).toBe(5000);
    expect(await exitOf(child)).toEqual([0, null]);
  });

  it('wakes a peer that blocks its thread', async () => {
    const { sender } = createChannel({ kind, name, codec: u32() });
    const child = start('block', name);
    expect((await once(child, 'message'))[0]).toBe('open');
    await new Promise((resolve) => setTimeout(resolve, 20));
    sender.trySend(42);
    expect((await once(child, 'message'))[0]).toBe(42);
    expect(await exitOf(child)).toEqual([0, null]);
  });

  it('says once that a receiver died and what it held, and goes on with the next', async () => {
    const losses: PeerLoss[] = [];
    const { promise, resolve } = noPromise();
    const channel = createChannel({
      kind,
      name,
      codec: tick,
      peerLost: (loss) => {
        losses.push(loss);
        resolve(loss);
      },
    });
    const { sender } = channel;
    for (let seq = 0; seq < 5; seq++) sender.trySend({ seq, price: 0 });
    const child = start('hold', name, '2');
    expect((await once(child, 'message'))[0]).toBe('holding');
    await kill(child);
    const keepAlive = setInterval(() => {}, 1000);
    expect(await promise).toEqual({ senders: 0, receivers: 1, messages: 1 });
    clearInterval(keepAlive);
    expect(failure(() => sender.trySend({ seq: 5, price: 0 }))).toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
    });
    const { receiver } = channel;
    expect((await receiver.receive()).seq).toBe(3);
    expect((await receiver.receive()).seq).toBe(4);
    expect(sender.trySend({ seq: 6, price: 0 })).toBe(true);
    expect((await receiver.receive()).seq).toBe(6);
    await new Promise((settle) => setTimeout(settle, 120));
    expect(losses).toHaveLength(1);
    expect(channel.losses()).toEqual({ senders: 0, receivers: 1, messages: 1 });
    sender.close();
    receiver.close();
  });

  it('never receives what a dead sender had not committed', async () => {
    const channel = createChannel({ kind, name, codec: tick });
    const { receiver } = channel;
    const child = start('claim', name);
    expect((await once(child, 'message'))[0]).toBe('claimed');
    // Heard before the child's own end is.
    const refusal = receiver.receive().catch((error: unknown) => error);
    await kill(child);
    expect(await refusal).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED' });
    expect(channel.losses()).toEqual({ senders: 1, receivers: 0, messages: 0 });
    expect(channel.sender.trySend({ seq: 1, price: 2 })).toBe(true);
    expect(await receiver.receive()).toEqual({ seq: 1, price: 2 });
  });

  it.each([
    ['return', 0],
    ['exit', 0],
    ['idle', 0],
    ['throw', 1],
  ])('is closed by a process that ends by %s, and nothing is lost', async (how, exitCode) => {
    const channel = createChannel({ kind, name, codec: f64() });
    const { receiver } = channel;
    const child = fork(peer, ['end', name, how], { silent: true });
    children.push(child);
    expect(await receiver.receive()).toBe(1);
    await expect(receiver.receive()).rejects.toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED' });
    expect(await exitOf(child)).toEqual([exitCode, null]);
    expect(channel.losses()).toEqual(none);
  });

  it.each([
    ['exit', 0],
    ['throw', 1],
    ['unref', 0],
    ['close', 0],
  ])('keeps no process that waits and ends by %s', async (how, exitCode) => {
    const channel = createChannel({ kind, name, codec: f64() });
    const { sender } = channel;
    const child = fork(peer, ['wait', name, how], { silent: true });
    children.push(child);
    expect((await once(child, 'message'))[0]).toBe('waiting');
    expect(await exitOf(child)).toEqual([exitCode, null]);
    expect(sender.receivers).toBe(0);
    expect(channel.losses()).toEqual(none);
  });

  it.each(['never', 'block'])('keeps a process that waits (%s)', async (how) => {
    const channel = createChannel({ kind, name, codec: f64() });
    const { sender } = channel;
    const child = start('wait', name, how);
    expect((await once(child, 'message'))[0]).toBe('waiting');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(child.exitCode).toBe(null);
    sender.trySend(1);
    expect(await exitOf(child)).toEqual([0, null]);
    expect(channel.losses()).toEqual(none);
  });

  it('waits for a peer that is stopped, however long', async () => {
    const channel = createChannel({ kind, name, codec: u32() });
    const { sender } = channel;
    const child = start('block', name);
    expect((await once(child, 'message'))[0]).toBe('open');
    child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sender.receivers).toBe(1);
    expect(sender.trySend(7)).toBe(true);
    child.kill('SIGCONT');
    expect((await once(child, 'message'))[0]).toBe(7);
    expect(channel.losses()).toEqual(none);
  });

  it('goes with its last end, when both sides have been there', () => {
    const channel = createChannel({ kind, name, codec: f64() });
    channel.sender.close();
    expect(existsSync(path)).toBe(true);
    channel.receiver.close();
    expect(existsSync(path)).toBe(false);
    expect(failure(() => channel.sender)).toMatchObject({ code: 'ERR_MOIRAI_CLOSED' });
    expect(failure(() => openChannel(name))).toMatchObject({ code: 'ERR_MOIRAI_SYSTEM', errno: 2 });
    createChannel({ kind, name, codec: f64() }).close();
  });

  it('is in use by threads of one process as by others', async () => {
    const channel = createChannel({ kind, name, codec: f64() });
    const worker = new Worker(
      `const { openChannel } = require('node:module').createRequire(process.cwd() + '/')('moirai');
       const { sender } = openChannel('${name}');
       sender.trySend(1);
       setInterval(() => {}, 1000);`,
      { eval: true },
    );
    const { receiver } = channel;
    expect(await receiver.receive()).toBe(1);
    await worker.terminate();
    await expect(receiver.receive()).rejects.toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED' });
    expect(channel.losses()).toEqual(none);
  });
});

describe('places at a channel between processes', () => {
  it('are one of each side for spsc', () => {
    const first = createChannel({ kind: 'spsc', name, codec: f64() });
    const { sender } = first;
    const second = openChannel(name);
    expect(failure(() => second.sender)).toMatchObject({ code: 'ERR_MOIRAI_WOULD_BLOCK' });
    sender.close();
    expect(second.sender.trySend(1)).toBe(true);
    expect(failure(() => sender.clone())).toMatchObject({ code: 'ERR_MOIRAI_CLOSED' });
    expect(failure(() => second.sender.clone())).toMatchObject({
      code: 'ERR_MOIRAI_NOT_SUPPORTED',
    });
  });

  it('are 64 for mpmc, by clone, and do not leave their thread', () => {
    const { sender } = createChannel({ name, codec: f64() });
    const clones = Array.from({ length: 63 }, () => sender.clone());
    expect(failure(() => sender.clone())).toMatchObject({ code: 'ERR_MOIRAI_WOULD_BLOCK' });
    for (const clone of clones) clone.close();
    const { receiver } = openChannel(name);
    expect(receiver.senders).toBe(1);
    expect(failure(() => share(sender))).toMatchObject({ code: 'ERR_MOIRAI_NOT_SUPPORTED' });
  });
});

test('threads that end leave no descriptor behind', async () => {
  const { sender } = createChannel({ name, codec: f64() }); // or the channel would end with them
  const code = `const { openChannel } = require('node:module').createRequire(process.cwd() + '/')('moirai');
    globalThis.channel = openChannel('${name}');
    globalThis.ends = [channel.sender, channel.receiver.clone()];
    require('node:worker_threads').parentPort.postMessage('open');
    setInterval(() => {}, 1000);`;
  const open = (): number => readdirSync('/proc/self/fd').length;
  const turn = async (): Promise<void> => {
    const worker = new Worker(code, { eval: true });
    await once(worker, 'message');
    await worker.terminate();
  };
  await turn();
  const before = open();
  for (let i = 0; i < 4; i++) await turn();
  expect(open()).toBeLessThanOrEqual(before);
  expect(sender.receivers).toBe(0);
  sender.close();
});

describe('what is wrong with a channel between processes is said', () => {
  it('when there is one of the name already, or none', () => {
    const code = 'ERR_MOIRAI_SYSTEM';
    const says = (words: string): unknown => expect.stringContaining(`channel.${name} ${words}`);
    const missing = { code, errno: 2, message: says('is not there') };
    expect(failure(() => openChannel(name))).toMatchObject(missing);
    createChannel({ name });
    const taken = { code, errno: 17, message: says('is there already') };
    expect(failure(() => createChannel({ name }))).toMatchObject(taken);
    expect(unlinkChannel(name)).toBe(true);
    expect(unlinkChannel(name)).toBe(false);
  });

  it('when there is no room for it', () => {
    const before = readdirSync('/dev/shm').length;
    const capacity = 2 ** 24;
    expect(failure(() => createChannel({ name, capacity, codec: bytes(2 ** 26) }))).toMatchObject({
      code: 'ERR_MOIRAI_OUT_OF_MEMORY',
    });
    expect(readdirSync('/dev/shm')).toHaveLength(before);
  });

  it('when a process has no descriptor left', async () => {
    createChannel({ name, codec: f64() });
    const child = start('starve', name);
    expect((await once(child, 'message'))[0]).toMatchObject({
      code: 'ERR_MOIRAI_SYSTEM',
      errno: 24,
    });
  });

  it('when the codec is another', () => {
    createChannel({ name, codec: tick });
    const wrong = failure(() => openChannel(name, { codec: utf8(10) }));
    expect(wrong).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' });
    openChannel(name, { codec: struct({ seq: 'u32', price: 'f64' }) }).close();
  });

  it('when another version has made it', () => {
    createChannel({ name });
    using region = SharedRegion.open(`channel.${name}`);
    region.view(Uint32Array)[2] = 99;
    const { code, message } = failure(() => openChannel(name));
    expect(code).toBe('ERR_MOIRAI_NOT_SUPPORTED');
    expect(message).toMatch(/layout 99.*layout 1\b/u);
  });

  it('when it is no channel', () => {
    using region = SharedRegion.create({ name: `channel.${name}`, bytes: 8192 });
    expect(failure(() => openChannel(name))).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
    region.unlink();
  });

  it.each([
    ['no JSON', '{{'],
    ['an unknown kind', '{"kind":"toString"}'],
    ['another size', '{"kind":"utf8","max":77}'],
    ['fields that are none', '{"kind":"struct","fields":[{"name":"a","type":"constructor"}]}'],
    [
      'a field twice',
      '{"kind":"struct","fields":[{"name":"a","type":"u8"},{"name":"a","type":"u8"}]}',
    ],
  ])('when the description of its messages is %s', (_, text) => {
    createChannel({ name, codec: struct({ padding: bytes(200), more: utf8(60) }) });
    using region = SharedRegion.open(`channel.${name}`);
    const at = 64;
    const length = region.view(Uint32Array)[6] ?? 0;
    const description = Buffer.from(region.buffer, at, length);
    description.fill(' ');
    description.write(text);
    expect(failure(() => openChannel(name))).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
  });

  it('when its file is cut off under an open end, which is no signal', () => {
    const { sender, receiver } = createChannel({ name, codec: cloneable() });
    for (let i = 0; i < 5; i++) sender.trySend({ i });
    truncateSync(path, 0);
    expect(failure(() => receiver.tryReceive())).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
    expect(failure(() => receiver.tryReceive())).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
    expect(failure(() => [1, 2].map((i) => sender.trySend(i)))).toMatchObject({
      code: 'ERR_MOIRAI_CORRUPT',
    });
    expect(failure(() => openChannel(name))).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
    sender.close();
    receiver.close();
  });

  it('when its file is cut off in the midst of a message, to whoever sends that', () => {
    const { sender, receiver } = createChannel({ name, codec: cloneable() });
    const cuts = {
      get now() {
        truncateSync(path, 0);
        return 1;
      },
    };
    expect(failure(() => sender.trySend(cuts))).toMatchObject({ code: 'ERR_MOIRAI_CORRUPT' });
    sender.close();
    receiver.close();
  });

  it('when its file is deleted, to nobody who has it open', () => {
    const { sender, receiver } = createChannel({ name, codec: f64() });
    expect(unlinkChannel(name)).toBe(true);
    expect(sender.trySend(1)).toBe(true);
    expect(receiver.tryReceive()).toBe(1);
  });

  it('when the bytes of its messages are anything, by an error of ours or a value', () => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    };
    const { sender, receiver } = createChannel({ name, codec: cloneable(256), capacity: 8 });
    using region = SharedRegion.open(`channel.${name}`);
    const memory = region.view(Uint8Array);
    const marker = 'find me here';
    const seen = new Set<unknown>();
    for (let round = 0; round < 2000; round++) {
      sender.trySend({ marker, round, list: [1, 2, 3], at: new Date(0) });
      const from = Buffer.from(region.buffer).indexOf(marker) - 16;
      expect(from, `seed ${seed}`).toBeGreaterThan(0);
      for (let i = 0; i < 1 + (round % 40); i++) memory[from + (random() % 80)] = random() >>> 24;
      seen.add(failure(() => receiver.tryReceive()).code);
      Buffer.from(region.buffer).fill(0, from, from + 80);
    }
    seen.delete(undefined);
    expect([...seen], `seed ${seed}`).toEqual(['ERR_MOIRAI_CORRUPT']);
  });

  it('when arguments are wrong', () => {
    const wrong: readonly (() => unknown)[] = [
      () => createChannel({ name: '../x' }),
      () => createChannel({ name: '' }),
      () => createChannel({ name: 7 as never }),
      () => createChannel({ name, kind: 'oneshot' as never }),
      () => createChannel({ peerLost: () => {} } as never),
      () => createChannel({ name, peerLost: 1 as never }),
      () => openChannel(undefined as never),
      () => openChannel({ fd: 'x' } as never),
      () => openChannel(name, { codecs: 1 } as never),
    ];
    for (const call of wrong) {
      expect(failure(call).code, String(call)).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    }
    expect(existsSync(path)).toBe(false);
  });
});
