// What the tests of real-time threads have in common.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  capabilities,
  MoiraiError,
  RealtimeContext,
  RtConstraints,
  type AdmissionReport,
  type PeriodicTask,
  type RealtimeOptions,
} from 'moirai';
import type * as loops from './fixtures/loops.mjs';

const { fifo, deadline } = capabilities();
export const granted = fifo.state !== 'refused';
export const deadlineGranted = deadline.state !== 'refused';
if (!granted) console.log(`real-time policies are not tested: ${fifo.reason}`);
if (!deadlineGranted) console.log(`SCHED_DEADLINE is not tested: ${deadline.reason}`);

export type Loops = typeof loops;
export const loopsUrl = new URL('./fixtures/loops.mjs', import.meta.url);

/** A context with the ticks of loops.mjs, at a low priority, which runs anywhere. */
export async function start(
  options: Partial<RealtimeOptions> = {},
): Promise<RealtimeContext<Loops>> {
  return RealtimeContext.start<Loops>({
    tasks: loopsUrl,
    policy: RtConstraints.fifo(2),
    required: false,
    ...options,
  });
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export async function ticks(task: PeriodicTask, count: number): Promise<void> {
  await until(() => task.stats().ticks >= count || task.stats().state !== 'running');
}

/** Shared numbers for `note`. */
export class Notes {
  readonly memory = new SharedArrayBuffer(8 * 4001);
  readonly #numbers = new Float64Array(this.memory);

  get expected(): number[] {
    return this.#column(1);
  }

  get actual(): number[] {
    return this.#column(2);
  }

  #column(first: number): number[] {
    const count = this.#numbers[0] ?? 0;
    return Array.from({ length: count }, (_, i) => this.#numbers[first + 2 * i] ?? Number.NaN);
  }
}

/** Scheduling policy and priority of every thread of this process, as the kernel has them. */
export function policies(): Map<number, { readonly policy: number; readonly priority: number }> {
  const found = new Map<number, { readonly policy: number; readonly priority: number }>();
  for (const id of readdirSync('/proc/self/task')) {
    let text: string;
    try {
      text = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
    } catch {
      continue; // it has ended since the folder was read
    }
    // proc(5): the fields after the name in parentheses, of which the first is field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    found.set(Number(id), { policy: Number(fields[38]), priority: Number(fields[37]) });
  }
  return found;
}

/** Of a task that is not admitted. */
export function reportOf(refused: () => unknown): AdmissionReport {
  let thrown: unknown;
  try {
    refused();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(MoiraiError);
  expect(thrown).toMatchObject({ code: 'ERR_MOIRAI_NOT_SCHEDULABLE' });
  return (thrown as MoiraiError).cause as AdmissionReport;
}
