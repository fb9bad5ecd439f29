// What is known of every task, by its cell: how it may end, how it ended, how often it began. All of it is
// allocated before the first task, so that the campaign's own memory is flat.
import { now } from './clock.mjs';

export const ends = ['open', 'done', 'failed', 'cancelled', 'lost', 'timeout', 'closed', 'refused'];
const [open, done, failed, cancelled, lost, timedOut, closed, refused] = ends.keys();

/** Of two clocks' readings of one moment. */
const slackMs = 0.5;

export class Ledger {
  begun;
  beganAt;
  #end;
  /** Cancelled while queued: must never begin. */
  #untouched;
  #idempotent;
  counts = Object.fromEntries(ends.map((name) => [name, 0]));
  reruns = 0;
  /** Ended by a time limit before that was over, by the task's own clock. */
  early = 0;
  violations = [];
  settled = 0;

  constructor(total) {
    this.begun = new Int32Array(new SharedArrayBuffer(4 * total));
    this.beganAt = new Float64Array(new SharedArrayBuffer(8 * total));
    this.#end = new Uint8Array(total);
    this.#untouched = new Uint8Array(total);
    this.#idempotent = new Uint8Array(total);
  }

  get workerData() {
    return { begun: this.begun.buffer, beganAt: this.beganAt.buffer };
  }

  violate(what) {
    if (this.violations.length < 100) this.violations.push(what);
  }

  /** It is idempotent, or it is not. */
  open(cell, idempotent) {
    this.#idempotent[cell] = idempotent ? 1 : 0;
  }

  /** One that may run again may have begun before it was queued again. */
  neverBegins(cell) {
    if (this.#idempotent[cell] === 0) this.#untouched[cell] = 1;
  }

  endOf(cell) {
    return ends[this.#end[cell]];
  }

  /** The task's promise was fulfilled. */
  fulfilled({ cell, kind, plan, cancel }, value) {
    if (cancel.accepted === true)
      this.violate(`${kind} #${cell} was cancelled and is done all the same`);
    if (plan.right === undefined) this.violate(`${kind} #${cell} should not have given a value`);
    else if (!plan.right(value)) this.violate(`${kind} #${cell} gave a wrong value`);
    this.#settle(cell, done);
  }

  /** The task's promise was rejected; `peaceful`: nothing ends workers in this life. */
  rejected({ cell, kind, plan, cancel, handle }, error, { peaceful, forced }) {
    if (cancel.accepted && error === cancel.reason) this.#settle(cell, cancelled);
    else if (error?.code === 'ERR_MOIRAI_CLOSED' && forced) this.#settle(cell, closed);
    else if (error?.code === 'ERR_MOIRAI_QUEUE_FULL' && handle === undefined) {
      this.neverBegins(cell);
      this.#settle(cell, refused);
    } else if (error?.code === 'ERR_MOIRAI_CANCELLED' && cancel.accepted && !cancel.reason) {
      this.#settle(cell, cancelled);
    } else if (error?.code === 'ERR_MOIRAI_TIMEOUT' && plan.limit !== undefined) {
      if (error.scope !== 'task')
        this.violate(`${kind} #${cell}: a time limit of scope ${error.scope}`);
      const ran = now() - this.beganAt[cell];
      if (this.begun[cell] > 0 && ran < plan.limit - slackMs) this.early++;
      this.#settle(cell, timedOut);
    } else if (cancel.accepted === true && !(forced && error?.code === 'ERR_MOIRAI_CLOSED')) {
      this.violate(`${kind} #${cell} was cancelled, and rejects with ${describe(error)}`);
      this.#settle(cell, failed);
    } else if (error?.code === 'ERR_MOIRAI_WORKER_LOST' && (!peaceful || plan.kills)) {
      this.#settle(cell, lost);
    } else {
      const planned = plan.fails && error?.code === 'E_PLANNED' && error.cell === cell;
      if (!planned) this.violate(`${kind} #${cell} rejects with ${describe(error)}`);
      this.#settle(cell, failed);
    }
  }

  #settle(cell, end) {
    if (this.#end[cell] !== open) this.violate(`#${cell} settled twice`);
    this.#end[cell] = end;
    this.counts[ends[end]]++;
    this.settled++;
  }

  /**
   * A limit counts from when the worker has taken the task. It may lose its CPU before it calls the
   * task, which then seems to have had too little time; but seldom.
   */
  auditLimits() {
    if (this.early > 5 + this.counts.timeout / 20) {
      this.violate(`${this.early} of ${this.counts.timeout} time limits ended a task too early`);
    }
  }

  /** Once nothing of the cells [from, to) runs any more. */
  audit(from, to) {
    for (let cell = from; cell < to; cell++) {
      const times = this.begun[cell];
      const most = this.#untouched[cell] ? 0 : this.#idempotent[cell] ? 3 : 1;
      if (times > most) this.violate(`#${cell} (${this.endOf(cell)}) began ${times} times`);
      if (times > 1) this.reruns++;
      const end = this.#end[cell];
      if ((end === done || end === failed) && times === 0) {
        this.violate(`#${cell} is ${ends[end]} and never began`);
      }
      if (end === open) this.violate(`#${cell} never settled`);
    }
  }
}

function describe(error) {
  const cause = error?.cause === undefined ? '' : `, caused by ${String(error.cause)}`;
  return `${error?.code ?? ''} ${String(error)}${cause}`;
}
