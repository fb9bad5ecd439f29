// Tasks that are running and should end: told first, given time, then left behind or ended by force.
//
// A request to cancel marks the slot, which a task sees at its next checkpoint, and sends the reason to
// the worker, which aborts the task's signal when its event loop comes to it. From then on the task is
// reported as cancelled, whatever it still does. If it has not ended when its grace is over, its waiter
// is told all the same, and the worker is asked to hand the slot back; a worker that cannot, because the
// task keeps its thread busy, is ended where the request allows force, and another takes its place.
import type { Alarm, Appointment } from './alarm.js';
import { LocalFailure, type Failure } from './failure.js';
import type { KeptArguments } from './kept-arguments.js';
import { defaultGrace, type TaskOrder } from './task-order.js';
import { MoiraiError } from '../base/index.js';

/** How a running task is ended. */
export interface CancelRequest {
  readonly failure: Failure;
  /** Milliseconds from being told until it is ended. */
  readonly grace: number;
  /** `'always'`: the worker ends with it; `'if stuck'`: only one whose thread it does not let go. */
  readonly force: 'always' | 'if stuck' | 'never';
}

/** What the owner remembers of a task beside its waiter, where there is more to it. */
export class Plan {
  readonly id: number;
  readonly order: TaskOrder;
  /** To run it again. */
  readonly kept: KeptArguments | undefined;
  readonly queuedAt = performance.now();
  /** How often its worker was lost. */
  losses = 0;
  request: CancelRequest | undefined;
  next: Appointment | undefined;

  constructor(id: number, order: TaskOrder, kept: KeptArguments | undefined) {
    this.id = id;
    this.order = order;
    this.kept = kept;
  }
}

/** What the overseer needs of the dispatcher. */
export interface OverseenTasks {
  planOf(slot: number): Plan;
  /** The slot holds this task and it has not been settled and freed. */
  isHeldBy(slot: number, id: number): boolean;
  nameOf(slot: number): string;
  /** How long it has been running, in milliseconds; undefined: it is still queued. */
  runningFor(slot: number, plan: Plan): number | undefined;
  /** Marks it and tells its worker; false: not running. */
  tell(slot: number, failure: Failure): boolean;
  /** Its waiter gets this failure now and waits no more. */
  dismiss(slot: number, failure: Failure): void;
  /** Asks its worker to hand the slot back although the task goes on. */
  abandon(slot: number): void;
  /** Its thread was seen to be in this very task, not in what the task awaits. */
  isOnThread(slot: number): boolean;
  /** Another task keeps the thread busy that this one runs on, or the thread has yet to wake up. */
  isHeldUp(slot: number): boolean;
  /** Milliseconds of CPU time that the workers of its seat have had. */
  cpuTime(slot: number): number;
  /** Ends the thread of the task's worker. */
  endWorker(slot: number, why: MoiraiError): void;
}

/**
 * A thread that does not hand a slot back, and is not seen in that slot's task, may be stuck in what the
 * task does after an await, or may just not have had its turn on a CPU. It is stuck when it has had this
 * much of one since, or when a thread that computes nothing has not answered for so long.
 */
const stuckCpuMs = 50;
const stuckMs = 5000;
/**
 * A thread between two tasks, or one that a task which is about to end has for an instant, looks as one that
 * is stuck does: only that many looks in a row tell.
 */
const stuckLooks = 10;
const stuckLookMs = 5;

interface StuckLimits {
  readonly cpu: number;
  /** On the clock of `performance.now()`. */
  readonly at: number;
  /** Looks in a row that found it stuck. */
  stuck: number;
}

export class Overseer {
  readonly #alarm: Alarm;
  readonly #tasks: OverseenTasks;

  constructor(alarm: Alarm, tasks: OverseenTasks) {
    this.#alarm = alarm;
    this.#tasks = tasks;
  }

  /** A task with a time limit was submitted. */
  watch(slot: number, plan: Plan): void {
    const limit = plan.order.timeout;
    if (limit !== undefined) this.#lookAfter(limit, slot, plan);
  }

  /** Ends a task that is running; false: it is not. */
  cancel(slot: number, request: CancelRequest): boolean {
    const plan = this.#tasks.planOf(slot);
    const before = plan.request;
    if (before === undefined) {
      if (!this.#tasks.tell(slot, request.failure)) return false;
      plan.request = request;
    } else {
      // Asked again: what it was told first counts, the sooner end as well.
      const force = request.force === 'always' ? request.force : before.force;
      const grace = Math.min(before.grace, request.grace);
      plan.request = { failure: before.failure, force, grace };
    }
    plan.next?.cancel();
    plan.next = this.#alarm.after(plan.request?.grace ?? 0, () => this.#graceOver(slot, plan));
    return true;
  }

  #lookAfter(milliseconds: number, slot: number, plan: Plan): void {
    plan.next = this.#alarm.after(milliseconds, () => this.#look(slot, plan));
  }

  #look(slot: number, plan: Plan): void {
    const { timeout, grace } = plan.order;
    if (timeout === undefined || !this.#tasks.isHeldBy(slot, plan.id)) return;
    const ran = this.#tasks.runningFor(slot, plan);
    if (ran === undefined || ran < timeout) {
      // A task that has not begun now cannot have run for longer than its limit before the next look.
      this.#lookAfter(timeout - (ran ?? 0), slot, plan);
      return;
    }
    const name = this.#tasks.nameOf(slot);
    const error = new MoiraiError(
      'ERR_MOIRAI_TIMEOUT',
      `task '${name}' ran for longer than its timeout of ${timeout} ms`,
      { scope: 'task' },
    );
    this.cancel(slot, { failure: new LocalFailure(error), grace, force: 'if stuck' });
  }

  #graceOver(slot: number, plan: Plan): void {
    const { request } = plan;
    if (request === undefined || !this.#tasks.isHeldBy(slot, plan.id)) return;
    this.#tasks.dismiss(slot, request.failure);
    if (request.force === 'always') {
      this.#end(slot);
      return;
    }
    this.#tasks.abandon(slot);
    if (request.force === 'if stuck') {
      const limits: StuckLimits = {
        cpu: this.#tasks.cpuTime(slot) + stuckCpuMs,
        at: performance.now() + stuckMs,
        stuck: 0,
      };
      const wait = this.#tasks.isOnThread(slot) ? request.grace : defaultGrace;
      plan.next = this.#alarm.after(wait, () => this.#endIfStuck(slot, plan, limits));
    }
  }

  #endIfStuck(slot: number, plan: Plan, limits: StuckLimits): void {
    const tasks = this.#tasks;
    if (!tasks.isHeldBy(slot, plan.id)) return;
    const known = tasks.isOnThread(slot);
    const slow = !known && tasks.cpuTime(slot) < limits.cpu && performance.now() < limits.at;
    const heldUp = slow || tasks.isHeldUp(slot);
    limits.stuck = heldUp ? 0 : limits.stuck + 1;
    if (limits.stuck < stuckLooks) {
      plan.next = this.#alarm.after(heldUp ? Math.max(1, plan.order.grace) : stuckLookMs, () =>
        this.#endIfStuck(slot, plan, limits),
      );
      return;
    }
    this.#end(slot);
  }

  #end(slot: number): void {
    const name = this.#tasks.nameOf(slot);
    const why = new MoiraiError(
      'ERR_MOIRAI_CANCELLED',
      `task '${name}' did not end when it was cancelled, and its worker was ended for it`,
    );
    this.#tasks.endWorker(slot, why);
  }
}
