// Waits of this thread's event loop for words of shared memory.
import { native } from '../native.js';

/** By the number of the wait: what is done when it is over. */
const waits = new Map<number, () => void>();
let isListening = false;

/** Before a wait is begun. */
export function listenToChanges(): void {
  if (isListening) return;
  native.sync.onChange(() => {
    for (let wait = native.sync.next(); wait !== 0; wait = native.sync.next()) {
      const act = waits.get(wait);
      waits.delete(wait);
      act?.();
    }
  });
  isListening = true;
}

/** The wait with this number will call `act` once, from the event loop. */
export function onWaitOver(wait: number, act: () => void): void {
  waits.set(wait, act);
}

/** Calls `act` once when the word has another value. `unwatch` takes it back. */
export function watch(
  { domain, words }: { readonly domain: number; readonly words: Int32Array },
  index: number,
  expected: number,
  act: () => void,
): number {
  listenToChanges();
  const wait = native.sync.watch(domain, words, index, expected, true);
  waits.set(wait, act);
  return wait;
}

export function unwatch(wait: number): void {
  if (waits.delete(wait)) native.sync.unwatch(wait);
}
