// One executor from start to close, and the tasks that it gets.
import { Executor } from 'moirai';
import { kinds, randomOrder, wheel } from './mix.mjs';
import { describeSettings, randomSettings } from './settings.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const joinLimitMs = 60_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

export class Life {
  /** What is being waited for, for the watchdog. */
  stage = 'start';
  open = new Map();
  executor;
  settings;
  queueFull = 0;
  drains = 0;
  destroyed = 0;
  #random;
  #ledger;
  #tenant;
  #spin;
  #forced = false;
  #full = false;
  #onRoom = [];
  #resizes = [];
  /** Each handle with the status that it had when its promise settled. */
  #handles = [];

  constructor({ random, ledger, tenant }) {
    this.#random = random;
    this.#ledger = ledger;
    this.#tenant = tenant;
    this.settings = randomSettings(random, { workerData: ledger.workerData, tenant });
    this.#spin = wheel(this.settings.peaceful);
  }

  describe() {
    return describeSettings(this.settings);
  }

  #violate(what) {
    this.#ledger.violate(`${what}; ${this.describe()}`);
  }

  async run(from, to, isOver) {
    const executor = await Executor.start(this.settings.options);
    this.executor = executor;
    this.#listen(executor);
    let cell = from;
    while (cell < to && !isOver()) {
      const end = Math.min(to, cell + this.#random.between(1, 400));
      while (cell < end) {
        this.stage = `spawning #${cell}`;
        await this.#spawnOne(cell++);
      }
      await this.#pause();
      if (this.settings.peaceful && this.#random.chance(0.02) && cell < to) {
        const next = Math.min(to, cell + 60);
        await this.#map(cell, next);
        cell = next;
      }
    }
    await this.#end(executor);
    this.#ledger.audit(from, cell);
    return cell;
  }

  #listen(executor) {
    executor.on('error', (error) => {
      const planned = !this.settings.peaceful && error?.code === 'ERR_MOIRAI_WORKER_LOST';
      if (!planned) this.#violate(`error event: ${String(error)} ${String(error?.cause)}`);
    });
    executor.on('needsDrain', () => {
      if (this.#full) this.#violate('needsDrain twice');
      this.#full = true;
    });
    executor.on('drain', () => {
      if (!this.#full) this.#violate('drain without needsDrain');
      this.#full = false;
      this.drains++;
      this.#makeRoom();
    });
    executor.on('workerDestroy', () => this.destroyed++);
  }

  #makeRoom() {
    const waiting = this.#onRoom;
    this.#onRoom = [];
    for (const resolve of waiting) resolve();
  }

  #room() {
    return new Promise((resolve) => {
      this.#onRoom.push(resolve);
    });
  }

  // --- tasks ---

  async #spawnOne(cell) {
    const random = this.#random;
    const kind = this.#usable(this.#spin(random));
    const plan = kinds[kind](random, cell);
    const task = {
      cell,
      kind,
      plan,
      cancel: { accepted: false, reason: undefined },
      handle: undefined,
    };
    const options = randomOrder(random, plan);
    const steps = this.#stepsOf(plan, options, task.cancel);
    this.#ledger.open(cell, options?.idempotent === true);
    for (;;) {
      try {
        this.#spawn(task, options);
        break;
      } catch (error) {
        if (error?.code !== 'ERR_MOIRAI_QUEUE_FULL') throw error;
        if (this.settings.options.onFull === 'wait') this.#violate('QUEUE_FULL where tasks wait');
        await this.#afterQueueFull();
      }
    }
    for (const step of steps) step(task);
    if (this.open.size > 6000) await this.#below(3000);
  }

  #usable(kind) {
    const { context, codecs, concurrency } = this.settings.options;
    if (kind === 'tenantLater' && context === undefined) return 'add';
    if (kind === 'echoInstance' && codecs === undefined) return 'add';
    // One after the other they would take for ever.
    if (kind === 'waitsForever' && concurrency === 2) return 'listens';
    return kind;
  }

  #spawn(task, options) {
    const { cell, kind, plan } = task;
    const name = plan.task ?? kind;
    const args = [cell, ...plan.args];
    const give = () => {
      if (options === undefined) return this.executor.run[name](...args);
      task.handle = this.executor.spawn(name, args, options);
      return task.handle;
    };
    const promise = plan.tenant ? this.#tenant.run(cell, give) : give();
    this.#watch(task, promise);
    if (options !== undefined && !plan.told && this.#random.chance(0.002)) this.#joinSync(task);
  }

  #watch(task, promise) {
    this.open.set(task.cell, task);
    promise.then(
      (value) => {
        this.#ledger.fulfilled(task, value);
        this.#closeTask(task, 'done');
        return undefined;
      },
      (error) => {
        const { peaceful } = this.settings;
        if (error?.code === 'ERR_MOIRAI_QUEUE_FULL') this.queueFull++;
        this.#ledger.rejected(task, error, { peaceful, forced: this.#forced });
        const end = this.#ledger.endOf(task.cell);
        this.#closeTask(task, end === 'cancelled' || end === 'closed' ? 'cancelled' : 'failed');
      },
    );
  }

  /** Only where the task does not wait for others that this thread is still to end. */
  #joinSync({ cell, kind, plan, handle }) {
    const { maxQueue, concurrency, queue } = this.settings.options;
    if (!this.settings.peaceful || concurrency !== undefined || queue !== undefined) return;
    if (this.open.size > maxQueue / 2) return;
    this.stage = `joinSync of ${kind} #${cell}`;
    try {
      const value = handle.joinSync(joinLimitMs);
      if (plan.right === undefined || !plan.right(value)) this.#violate(`joinSync #${cell}: wrong`);
    } catch (error) {
      if (error?.scope === 'wait') this.#violate(`joinSync #${cell}: ${error.message}`);
    }
  }

  #closeTask({ cell, kind, handle }, expected) {
    this.open.delete(cell);
    if (handle !== undefined) {
      if (handle.status !== expected) {
        this.#violate(`${kind} #${cell} is ${handle.status}, its promise says ${expected}`);
      }
      if (handle.cancel()) this.#violate(`${kind} #${cell} could be cancelled after its end`);
      this.#handles.push({ cell, handle, expected });
    }
    if (this.open.size < 3000 && !(this.#full && this.settings.waitsForDrain)) this.#makeRoom();
  }

  /** What is done to it after it was spawned; adds to `options`. */
  #stepsOf(plan, options, cancel) {
    const random = this.#random;
    if (options === undefined) return [];
    const force = plan.kills === true;
    const reason = random.chance(0.5) ? new Error('planned, cancelled') : undefined;
    const grace = random.below(10);
    const cancelIn = (ms) => (task) => this.#cancelIn(ms, task, reason, { force, grace });
    if (plan.told) {
      const way = plan.forced ? 1 : random.below(force ? 2 : 3);
      if (way === 0) {
        plan.limit = options.timeout = 1 + random.next() * 25;
        options.grace = grace;
        return [];
      }
      // A cancel that comes too early finds it queued, one that comes while it runs ends it.
      if (way === 1) return [cancelIn(random.below(30))];
      const controller = new AbortController();
      options.signal = controller.signal;
      options.grace = grace;
      cancel.accepted = 'perhaps';
      cancel.reason = new Error('planned, aborted');
      return [() => setTimeout(() => controller.abort(cancel.reason), random.below(30))];
    }
    if (plan.cancelAfter !== undefined) return [cancelIn(plan.cancelAfter)];
    if (plan.kills || !random.chance(0.05)) return [];
    return [cancelIn(random.pick([undefined, undefined, 0, 1, 3]))];
  }

  #cancelIn(ms, task, reason, options) {
    if (ms === undefined) this.#cancel(task, reason, options);
    else setTimeout(() => this.#cancel(task, reason, options), ms);
  }

  #cancel({ cell, handle, cancel }, reason, options) {
    if (!handle.cancel(reason, options)) return;
    if (cancel.accepted !== true) Object.assign(cancel, { accepted: true, reason });
    // It was queued.
    if (!handle.isFinished) return;
    if (handle.status !== 'cancelled') this.#violate(`#${cell} is ${handle.status} after cancel`);
    this.#ledger.neverBegins(cell);
  }

  // --- between tasks ---

  async #afterQueueFull() {
    this.queueFull++;
    await turn(); // events are told after the call
    if (!this.#full && this.open.size >= this.settings.options.maxQueue)
      this.#violate('QUEUE_FULL and no needsDrain');
    this.stage = 'waiting for room after QUEUE_FULL';
    if (this.settings.waitsForDrain && this.#full) await this.#room();
    else await sleep(0);
  }

  async #below(count) {
    this.stage = `waiting for fewer than ${count}`;
    while (this.open.size >= count) await this.#room();
  }

  async #pause() {
    const random = this.#random;
    const dice = random.next();
    if (this.settings.resizes && random.chance(0.03)) this.#resize(random.between(1, 4));
    if (dice < 0.6) await turn();
    else if (dice < 0.65) await sleep(random.below(6));
    else if (dice < 0.75) await this.#below(random.between(1, 1000));
    else if (dice < 0.8) await this.#idle();
  }

  #resize(threads) {
    this.#resizes.push(
      this.executor.resize(threads).catch((error) => {
        if (!this.#forced) this.#violate(`resize: ${String(error)}`);
      }),
    );
  }

  async #idle() {
    this.stage = 'idle';
    await this.executor.idle();
    const { outstanding, queued } = this.executor.stats();
    if (outstanding !== 0 || queued !== 0) {
      this.#violate(`${outstanding} outstanding, ${queued} queued when idle`);
    }
    await sleep(this.#random.below(8));
  }

  /** Nothing else is outstanding meanwhile: what the queue does not take ends an iteration. */
  async #map(from, to) {
    await this.#below(1);
    await this.#idle();
    this.stage = `map #${from}`;
    const tasks = [];
    for (let cell = from; cell < to; cell++) {
      tasks.push({ cell, kind: 'mapped', plan: kinds.mapped(this.#random, cell), cancel: {} });
      this.#ledger.open(cell, false);
    }
    const items = tasks.map((task) => task.plan.args[0]);
    const concurrency = this.#random.between(1, 16);
    let at = 0;
    for await (const value of this.executor.map('mapped', items, { concurrency })) {
      this.#ledger.fulfilled(tasks[at++], value);
    }
    if (at !== tasks.length) this.#violate(`map gave ${at} of ${tasks.length} results`);
  }

  // --- the end ---

  async #end(executor) {
    const { ending } = this.settings;
    if (ending === 'close') {
      await this.#below(1);
      this.stage = 'resizes';
      await Promise.all(this.#resizes);
      await this.#idle();
    }
    this.#forced = ending !== 'close';
    this.stage = `${ending} with ${this.open.size} open`;
    await executor.close(
      ending === 'force' ? { force: true } : ending === 'timeout' ? { timeout: 3 } : {},
    );
    this.stage = 'settling after close';
    await this.#below(1);
    await Promise.all(this.#resizes);
    for (const { cell, handle, expected } of this.#handles) {
      if (handle.status !== expected)
        this.#violate(`#${cell} was ${expected}, is ${handle.status}`);
    }
    const { outstanding, queued } = executor.stats();
    if (outstanding !== 0 || queued !== 0) this.#violate(`${outstanding} outstanding after close`);
  }
}
