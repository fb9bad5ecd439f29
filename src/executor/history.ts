// How tasks ended and what is remembered of them: the owner's side of the native rings. The names of
// errors are kept beside them, by the same places.
import type { NativeOwner } from '../native.js';
import type { Failure } from './failure.js';
import type { TaskFault } from './fault.js';
import {
  measuredBit,
  phaseCancelled,
  phaseDone,
  phaseFailed,
  phaseQueued,
  slotBytes,
  taskOffset,
  timesOffset,
} from './layout.js';
import type { SharedMemory } from './memory.js';
import { idOf, phaseOf, slotWords, workerOf } from './slot-fields.js';
import type { WaitingTask } from './waiting-room.js';
import type { Placement } from './placement.js';
import type { DeadlineCounts, TaskCounts } from './reports.js';
import { priorityOf } from './task-order.js';
import type { TaskHandle, TaskStatus, Took, Waiter } from './task-handle.js';
import type { TaskMetrics, TaskView, TaskViewKind } from './task-view.js';

/** In the native order. */
const outcomes = ['done', 'failed', 'cancelled', 'lost'] as const;
export type TaskEnd = 'failed' | 'cancelled' | 'lost';
/** A lost task has failed: its status is of a kind that handles have. */
const statusOfEnd = ['done', 'failed', 'cancelled', 'failed'] as const;
const numbersPerTask = 7;
const tasksAtOnce = 1024;

export class History {
  readonly #native: NativeOwner;
  readonly #memory: SharedMemory;
  readonly #scratch: Float64Array;
  readonly #placement: Placement;
  readonly #timed: boolean;
  readonly #retain: number;
  readonly #faults: TaskFault[] = [];
  /** Tasks that ended before they had a slot: cancelled all of them. */
  #endedWaiting = 0;

  constructor(options: {
    native: NativeOwner;
    memory: SharedMemory;
    scratch: Float64Array;
    placement: Placement;
    statistics: boolean;
    retain: number;
  }) {
    this.#native = options.native;
    this.#memory = options.memory;
    this.#scratch = options.scratch;
    this.#placement = options.placement;
    this.#timed = options.statistics;
    this.#retain = options.retain;
  }

  /** The slot's task is done, and its slot has come back. */
  done(slot: number, waiter: Waiter | undefined): void {
    if (this.#timed && typeof waiter === 'object') this.#tell(waiter, slot);
  }

  /** The slot's task has ended otherwise; before the slot is given away. Again: nothing. */
  ended(slot: number, end: TaskEnd, failure: Failure, waiter: Waiter | undefined): void {
    if (this.#timed && typeof waiter === 'object') this.#tell(waiter, slot);
    const place = this.#native.ended(slot, outcomes.indexOf(end));
    if (place >= 0) this.#faults[place] = failure.toFault();
  }

  /** So many tasks were cancelled before they had a slot. */
  endedWaiting(count: number): void {
    this.#endedWaiting += count;
  }

  #tell(handle: TaskHandle<unknown>, slot: number): void {
    const { view, u32 } = this.#memory.views;
    const phase = phaseOf(this.#memory.views, slot);
    if (phase === phaseDone || phase === phaseFailed) {
      const at = slot * slotBytes + timesOffset;
      const task = u32[slot * slotWords + taskOffset / 4] ?? 0;
      handle.took = {
        waited: view.getFloat32(at, true),
        ran: view.getFloat32(at + 4, true),
        worker: workerOf(this.#memory.views, slot),
        use: ((task >>> measuredBit) & 1) === 1 ? this.#useOf(slot) : undefined,
      };
    } else {
      // It is still with a worker, or in a queue.
      const out = new Float64Array(3);
      this.#native.ages(Uint32Array.of(slot), out);
      const [, waited = 0, ran = 0] = out;
      const worker = hasBegun(phase) ? workerOf(this.#memory.views, slot) : -1;
      handle.took = { waited, ran, worker, use: undefined };
    }
  }

  #useOf(slot: number): Took['use'] {
    this.#native.use(slot);
    const [cpuNs = 0, preemptions = 0] = this.#scratch;
    return { cpuTime: cpuNs / 1e6, preemptions };
  }

  metricsOf({ took }: TaskHandle<unknown>): TaskMetrics | undefined {
    if (took === undefined) return undefined;
    const { waited, ran, worker, use } = took;
    return {
      waiting: waited / 1e6,
      running: ran / 1e6,
      worker: worker < 0 ? undefined : worker,
      node: this.#nodeOf(worker),
      cpuTime: use?.cpuTime,
      preemptions: use?.preemptions,
    };
  }

  /** How a finished task ended, while it is remembered. Looks at each. */
  statusOf(id: number): TaskStatus | undefined {
    return statusOfEnd[this.#native.outcomeOf(id)];
  }

  /** How many tasks have ended in each way. */
  counts(): TaskCounts {
    this.#native.outcomes();
    const [done = 0, failed = 0, cancelled = 0, lost = 0] = this.#scratch;
    return { done, failed, cancelled: cancelled + this.#endedWaiting, lost };
  }

  /** Of the tasks that had a deadline and are done or have failed. */
  deadlines(): DeadlineCounts {
    this.#native.outcomes();
    const [, , , , met = 0, missed = 0] = this.#scratch;
    return { met, missed };
  }

  /** The tasks that are remembered, oldest first. */
  finished(kind: Exclude<TaskViewKind, 'active'>, names: NamesOfTasks): TaskView[] {
    const views: TaskView[] = [];
    const numbers = new Float64Array(numbersPerTask * tasksAtOnce);
    for (;;) {
      const now = performance.now();
      const from = views.length;
      const count = this.#native.finished(kind === 'completed', from, numbers);
      for (let i = 0; i < count; i++) {
        const row = numbers.subarray(numbersPerTask * i, numbersPerTask * (i + 1));
        // Places go up from the oldest one's and begin again after the ring's last.
        const place = kind === 'failed' ? ((this.#scratch[0] ?? 0) + i) % this.#retain : -1;
        views.push(this.#finishedView(row, now, names, this.#faults[place]));
      }
      if (count < tasksAtOnce) return views;
    }
  }

  #finishedView(
    row: Float64Array,
    now: number,
    names: NamesOfTasks,
    error: TaskFault | undefined,
  ): TaskView {
    const [id = 0, word = 0, outcome = 0, worker = -1, age = 0, waited = 0, ran = 0] = row;
    const running = worker < 0 ? undefined : ran / 1e6;
    return {
      id,
      name: names(word),
      status: statusOfEnd[outcome] ?? 'failed',
      priority: priorityOf(word),
      worker: worker < 0 ? undefined : worker,
      node: this.#nodeOf(worker),
      ...this.#times(now - age / 1e6, waited / 1e6, running, true),
      error,
    };
  }

  /** The slots' tasks, which are not finished. */
  active(slots: readonly number[], names: NamesOfTasks): TaskView[] {
    const { views } = this.#memory;
    const ages = new Float64Array(3 * slots.length);
    const now = performance.now();
    this.#native.ages(Uint32Array.from(slots), ages);
    return slots.map((slot, index) => {
      const base = slot * slotWords;
      const word = views.u32[base + taskOffset / 4] ?? 0;
      const [age = 0, waited = 0, ran = 0] = ages.subarray(3 * index, 3 * index + 3);
      const begun = hasBegun(phaseOf(views, slot));
      const worker = begun ? workerOf(views, slot) : -1;
      return {
        id: idOf(views, slot),
        name: names(word),
        status: begun ? 'running' : 'queued',
        priority: priorityOf(word),
        worker: begun ? worker : undefined,
        node: this.#nodeOf(worker),
        ...this.#times(now - age / 1e6, waited / 1e6, begun ? ran / 1e6 : undefined, false),
        error: undefined,
      };
    });
  }

  /** `running` undefined: it was never begun. */
  #times(queuedTime: number, waiting: number, running: number | undefined, finished: boolean) {
    const known = this.#timed;
    const begun = known && running !== undefined;
    return {
      queuedTime: known ? queuedTime : undefined,
      startedTime: begun ? queuedTime + waiting : undefined,
      finishedTime: known && finished ? queuedTime + waiting + (running ?? 0) : undefined,
      waiting: known ? waiting : undefined,
      running: begun ? running : undefined,
    };
  }

  #nodeOf(worker: number): number | undefined {
    return this.#placement.seats[worker]?.node;
  }
}

/** A task's name by its slot's task word. */
export type NamesOfTasks = (word: number) => string;

function hasBegun(phase: number): boolean {
  return phase !== phaseQueued && phase !== phaseCancelled;
}

/** Cancelled is what ends by its caller's wish. */
export function endOf(failure: Failure): TaskEnd {
  return failure.quiet ? 'cancelled' : 'failed';
}

/** A task that has not been admitted yet: nothing is measured of it. */
export function waitingView({ id, name, priority }: WaitingTask): TaskView {
  return {
    id,
    name,
    status: 'queued',
    priority,
    worker: undefined,
    node: undefined,
    queuedTime: undefined,
    startedTime: undefined,
    finishedTime: undefined,
    waiting: undefined,
    running: undefined,
    error: undefined,
  };
}
