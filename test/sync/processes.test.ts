// Locks between processes, some of which are killed.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Condition, Mutex, SharedRegion } from 'moirai';
import { expect, onTestFinished, test } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/process.mjs', import.meta.url));
let names = 0;

function freshName(): string {
  const name = `test-${process.pid}-${names++}`;
  onTestFinished(() => {
    Mutex.unlink(name);
    Condition.unlink(`${name}.condition`);
    SharedRegion.unlink(name);
  });
  return name;
}

type Child = ChildProcessByStdio<null, Readable, null>;

function start(job: string, name: string): Child {
  const child = spawn(process.execPath, [program, job, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** It may have ended before, by a signal: then it has no exit code. */
async function ended(child: Child): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function ready(child: Child): Promise<void> {
  await once(child.stdout, 'data');
}

/** Numbers from 0 to 1 that a seed leads to again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('a process that is killed at any instant leaves what the next one can set right', async () => {
  const seed = Date.now() >>> 0;
  const random = randomFrom(seed);
  const name = freshName();
  const words = SharedRegion.create({ name, bytes: 4096 }).view(Int32Array);
  const mutex = new Mutex({ shared: name, robust: true });
  let died = 0;
  for (let round = 0; round < 6; round++) {
    const children = [start('work', name), start('work', name)];
    await Promise.all(children.map(ready));
    await sleep(random() * 20);
    for (const child of children) child.kill('SIGKILL');
    // Blocking or in the loop: the children may be dying meanwhile.
    const guard = round % 2 === 0 ? mutex.lock() : await mutex.lockAsync();
    const [first = 0, second = 0] = words;
    expect(first - second, `seed ${seed}`).toBeLessThanOrEqual(guard.ownerDied ? 1 : 0);
    if (guard.ownerDied) {
      died++;
      words[1] = first;
      guard.markConsistent();
    }
    guard.unlock();
    await Promise.all(children.map(ended));
    // Whoever died last is known to be dead now.
    const last = mutex.lock();
    words[1] = words[0] ?? 0;
    last.markConsistent();
    last.unlock();
  }
  expect(words[0], `seed ${seed}, ${died} died as owners`).toBeGreaterThan(0);
  mutex.close();
});

test('who waits when the owner is killed is told at once', async () => {
  const name = freshName();
  const mutex = new Mutex({ shared: name, robust: true });
  for (const how of ['block', 'loop']) {
    const child = start('hold', name);
    await ready(child);
    expect(mutex.tryLock()).toBe(null);
    const pending = how === 'loop' ? mutex.lockAsync() : undefined;
    child.kill('SIGKILL');
    const guard = (await pending) ?? mutex.lock();
    expect(guard.ownerDied).toBe(true);
    guard.markConsistent();
    guard.unlock();
  }
  mutex.close();
});

test.each(['exit', 'closeWhileHeld'])('an owner that leaves is a dead owner: %s', async (job) => {
  const name = freshName();
  const mutex = new Mutex({ shared: name, robust: true });
  const child = start(job, name);
  await once(child.stdout, job === 'exit' ? 'close' : 'data');
  const guard = mutex.lock();
  expect(guard.ownerDied).toBe(true);
  mutex.close();
  expect(guard.unlock()).toBe(true);
});

test('a waiter that was killed is not called in the place of another', async () => {
  const name = freshName();
  const mutex = new Mutex({ shared: name, robust: true });
  const condition = new Condition({ shared: `${name}.condition` });
  const children = [start('wait', name)];
  await ready(children[0] as Child);
  mutex.lock().unlock(); // it has unlocked, so it waits
  children.push(start('wait', name));
  await ready(children[1] as Child);
  mutex.lock().unlock();
  children[0]?.kill('SIGKILL');
  await ended(children[0] as Child);
  expect(condition.notify(1)).toBe(1);
  await once((children[1] as Child).stdout, 'data');
  expect(condition.notify(1)).toBe(0);
  condition.close();
  mutex.close();
});

test('what has the name is what was asked for, or it is refused', () => {
  const name = freshName();
  const mutex = new Mutex({ shared: name, robust: true });
  const same = new Mutex({ shared: name, robust: true });
  const guard = mutex.lock();
  expect(() => same.lock()).toThrow('holds the mutex already');
  guard.unlock();
  same.close();
  mutex.lock().unlock();
  expect(() => new Mutex({ shared: name })).toThrow('was made with');
  expect(() => new Condition({ shared: name })).toThrow('is not a condition');
  expect([Mutex.unlink(name), Mutex.unlink(name)]).toEqual([true, false]);
  mutex.close();
});
