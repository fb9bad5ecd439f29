// The order of locks, for those who debug.
import { debugLocks, Mutex, MoiraiError } from 'moirai';
import { expect, onTestFinished, test } from 'vitest';

function debugging(): void {
  debugLocks(true);
  onTestFinished(() => debugLocks(false));
}

function lockBoth(first: Mutex, second: Mutex): void {
  using _outer = first.lock();
  using _inner = second.lock();
}

function failure(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('locks that are taken the other way round are refused with both stacks', () => {
  debugging();
  const [a, b] = [new Mutex(), new Mutex()];
  const oneWay = (): void => lockBoth(a, b);
  const otherWay = (): void => lockBoth(b, a);
  oneWay();
  oneWay();
  const error = failure(otherWay);
  expect(error).toBeInstanceOf(MoiraiError);
  expect(error).toMatchObject({ code: 'ERR_MOIRAI_DEADLOCK' });
  expect((error as Error).stack).toContain('otherWay');
  expect(((error as Error).cause as Error).stack).toContain('oneWay');
  // Nothing is held that the error kept from being released.
  expect([a.isLocked, b.isLocked]).toEqual([false, false]);
  oneWay();
});

test('a circle of three is found, one of tries is none', () => {
  debugging();
  const [a, b, c] = [new Mutex(), new Mutex(), new Mutex()];
  lockBoth(a, b);
  lockBoth(b, c);
  {
    using _outer = c.lock();
    a.tryLock()?.unlock();
  }
  expect(failure(() => lockBoth(c, a))).toMatchObject({ code: 'ERR_MOIRAI_DEADLOCK' });
  debugLocks(false);
  lockBoth(c, a);
});
