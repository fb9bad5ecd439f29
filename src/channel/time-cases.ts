// Time as a case of `select`.
import { checkMilliseconds, invalidRange } from '../base/index.js';
import { selecting, type Arm, type SelectCase } from './select.js';

/**
 * A case of `select` that is possible from `ms` milliseconds after this call on. It may be given to several
 * selections in a row: then it limits them all together. Costs a timer only while a selection waits.
 */
export function after(ms: number): SelectCase<undefined> {
  checkMilliseconds('ms', ms);
  const due = performance.now() + ms;
  const dueIn = (): number => due - performance.now();
  const arm: Arm<undefined> = {
    attempt: () => (dueIn() <= 0 ? { value: undefined } : undefined),
    dueIn,
  };
  return { [selecting]: () => arm };
}

/**
 * A case of `select` that is possible once in every period of `ms` milliseconds, the first ending `ms`
 * after this call. Its value is how many periods have passed since it was done last: more than 1 where
 * some were missed, which are not made up for.
 *
 * @example
 * const tick = every(1000);
 * for (;;) {
 *   const { key, value } = await select({ job: receiver, tick });
 *   if (key === 'tick') report(value);
 *   else work(value);
 * }
 */
export function every(ms: number): SelectCase<number> {
  checkMilliseconds('ms', ms);
  if (ms === 0) throw invalidRange('ms', 'greater than 0', ms);
  const start = performance.now();
  let taken = 0;
  const dueIn = (): number => start + (taken + 1) * ms - performance.now();
  const arm: Arm<number> = {
    attempt: () => {
      if (dueIn() > 0) return undefined;
      // At least one, whatever the rounding.
      const passed = Math.max(1, Math.floor((performance.now() - start) / ms) - taken);
      taken += passed;
      return { value: passed };
    },
    dueIn,
  };
  return { [selecting]: () => arm };
}
