// Any sequence of calls of one thread gives what a mutex and a list of its waiters would.
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { Condition, Mutex, MoiraiError, type MutexGuard } from 'moirai';
import { test } from 'vitest';
import { runs } from '../properties.js';

type Call = 'lock' | 'tryLock' | 'lockAsync' | 'unlock' | 'unlockOld' | 'wait' | 'notify' | 'turn';
const calls: readonly Call[] = [
  'lock',
  'tryLock',
  'lockAsync',
  'unlock',
  'unlockOld',
  'wait',
  'notify',
  'turn',
];

class Model {
  readonly mutex = new Mutex();
  readonly condition = new Condition();
  holder: MutexGuard | undefined;
  old: MutexGuard | undefined;
  /** Flows that wait for the mutex, in the order of their calls. */
  asked = 0;
  /** Those of them that had it, by number. */
  readonly had: number[] = [];
  /** Flows that wait at the condition. */
  waiting = 0;
  readonly flows: Promise<void>[] = [];

  do(call: Call): void {
    const { mutex, condition } = this;
    switch (call) {
      case 'lock':
      case 'tryLock':
        this.#take(call);
        return;
      case 'lockAsync':
        this.flows.push(this.#flow(this.asked++));
        return;
      case 'unlock':
        this.#release();
        return;
      case 'unlockOld':
        equal(this.old?.unlock() ?? false, false);
        return;
      case 'wait':
        if (this.holder === undefined) return;
        this.waiting++;
        this.flows.push(this.#wait(this.holder));
        this.holder = undefined;
        return;
      case 'notify':
        equal(condition.notify(1), this.waiting > 0 ? 1 : 0);
        if (this.waiting > 0) this.waiting--;
        return;
      case 'turn':
        ok(mutex.isLocked || this.holder === undefined);
    }
  }

  #take(call: 'lock' | 'tryLock'): void {
    const isHeld = this.mutex.isLocked;
    try {
      const guard = this.mutex[call]();
      equal(guard === null, isHeld);
      if (guard !== null) this.holder = guard;
    } catch (error) {
      if (!(error instanceof MoiraiError)) throw error;
      deepEqual([isHeld, call], [true, 'lock']);
    }
  }

  #release(): void {
    if (this.holder === undefined) return;
    equal(this.holder.unlock(), true);
    this.old = this.holder;
    this.holder = undefined;
  }

  async #flow(number: number): Promise<void> {
    using guard = await this.mutex.lockAsync();
    equal(guard.locked, true);
    this.had.push(number);
    await Promise.resolve();
  }

  async #wait(guard: MutexGuard): Promise<void> {
    await this.condition.waitAsync(guard);
    equal(guard.unlock(), true);
  }

  /** Everybody has had a turn. */
  async settle(): Promise<void> {
    this.#release();
    equal(this.condition.notify(), this.waiting);
    await Promise.all(this.flows);
    equal(this.mutex.isLocked, false);
    deepEqual(
      this.had,
      Array.from({ length: this.asked }, (_, number) => number),
    );
  }
}

test('calls in any order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...calls), { maxLength: 40, size: 'max' }),
      async (sequence) => {
        const model = new Model();
        for (const call of sequence) {
          model.do(call);
          if (call === 'turn') await new Promise((resolve) => setImmediate(resolve));
        }
        await model.settle();
      },
    ),
    { numRuns: runs(200) },
  );
});
