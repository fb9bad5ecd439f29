// The worker's side of every task: read the arguments from the slot, call the function, write the
// result. Runs in the worker thread, called from its event loop when tasks wait.
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { MoiraiError } from '../base/index.js';
import {
  canUnpack,
  decodeError,
  encodeError,
  NeedsPort,
  packForPort,
  refusal,
  unpackFromPort,
  type CodecTable,
  type PortPack,
} from '../codec/index.js';
import type { NativeSeat } from '../native.js';
import { Arrivals, Departing } from '../share/index.js';
import { withContext } from './caller-context.js';
import { CurrentTask, followedTasks, type TaskHost } from './current-task.js';
import { tellHeapIfDue } from './heap-sample.js';
import { runInline } from './inline-task.js';
import { hasContextBit, kindPort, phaseRunning, taskOffset } from './layout.js';
import type { SharedMemory } from './memory.js';
import { readArguments, ResultWriter } from './payload.js';
import { BorrowedBuffers } from './shared-buffers.js';
import {
  cancelRequested,
  generationOf,
  hasBlock,
  idOf,
  kindOf,
  phaseOf,
  setKind,
  slotWords,
} from './slot-fields.js';
import { priorityOf } from './task-order.js';
import { Transferred } from './transferred.js';
import type { Birth, FromOwner, FromWorker } from './wire.js';

type TaskFunction = (...args: unknown[]) => unknown;
/** What a task waits for. */
type ForTask = Extract<FromOwner, { type: 'arguments' | 'buffers' }>;

const taskWord = taskOffset / 4;
const hasContext = 1 << hasContextBit;

export class TaskRunner implements TaskHost {
  readonly #native: NativeSeat;
  readonly #memory: SharedMemory;
  readonly #writer: ResultWriter;
  readonly #borrowed = new BorrowedBuffers();
  readonly #arrivals = new Arrivals();
  /** Every kind of object that can be an argument is being made known here. */
  #learning: Promise<void> | undefined;
  #learnt = false;
  readonly #birth: Birth;
  readonly #codecs: CodecTable | undefined;
  readonly #port: MessagePort;
  readonly #scratch: Float64Array;
  /** By task index; index 0 runs inline functions. */
  readonly #functions: readonly TaskFunction[];
  readonly #names: readonly string[];
  /** Messages that came while a task was asking for its own. */
  readonly #inbox: FromOwner[] = [];
  /** By slot, the tasks that may ask for themselves; only where any can (currentTask). */
  readonly #followed = new Map<number, CurrentTask>();
  /** Asynchronous tasks that have begun, and tasks whose arguments are on their way by message. */
  #running = 0;
  #awaiting = 0;
  #saturated = false;
  #retiring = false;

  constructor(options: {
    birth: Birth;
    native: NativeSeat;
    memory: SharedMemory;
    scratch: Float64Array;
    tasks: ReadonlyMap<string, TaskFunction>;
    codecs: CodecTable | undefined;
  }) {
    this.#birth = options.birth;
    this.#port = options.birth.port;
    this.#codecs = options.codecs;
    this.#native = options.native;
    this.#memory = options.memory;
    this.#scratch = options.scratch;
    this.#writer = new ResultWriter(
      options.memory,
      options.native,
      options.scratch,
      this.#borrowed,
      options.codecs,
    );
    this.#functions = [runInline, ...options.tasks.values()];
    this.#names = ['call', ...options.tasks.keys()];
  }

  /** Runs tasks until none is left or the event loop must have its turn. */
  readonly run = (): void => {
    let slot = this.#native.next(-1);
    while (slot >= 0) slot = this.#native.next(this.#start(slot));
    tellHeapIfDue(this.#native, this.#scratch);
  };

  // --- what the owner says ---

  /** A message that the event loop has brought. */
  receive(message: FromOwner): void {
    this.#inbox.push(message);
    this.#readInbox();
  }

  takeMessages(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) break;
      const message = received.message as FromOwner;
      if (message.type === 'cancel') this.#cancel(message);
      else this.#inbox.push(message);
    }
    // The others begin or end tasks, which cannot be in the midst of one.
    if (this.#inbox.length > 0) setImmediate(() => this.#readInbox());
  }

  #readInbox(): void {
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) {
      if (message.type === 'stop') process.exit(0);
      else if (message.type === 'cancel') this.#cancel(message);
      else if (message.type === 'abandon') this.#leaveBehind(message.slot, message.generation);
      else if (message.type === 'retire') this.#retiring = true;
      else if (!this.#mustLearnFirst(message)) this.#resume(message);
    }
    this.#updateSaturation();
  }

  #cancel({ slot, generation, reason }: Extract<FromOwner, { type: 'cancel' }>): void {
    if (this.#isRunning(slot, generation)) this.#followed.get(slot)?.cancel(decodeError(reason));
  }

  /** An asynchronous task that may go on for ever: it counts no more among those that run. */
  #leaveBehind(slot: number, generation: number): void {
    if (!this.#isRunning(slot, generation)) return;
    this.#running--;
    this.#abandon(slot, generation);
  }

  /** The slot goes back although its task goes on; what that gives is dropped when it comes. */
  #abandon(slot: number, generation: number): void {
    this.#discard(slot);
    this.#writer.value(slot, undefined);
    this.#followed.delete(slot);
    this.#borrowed.release(slot);
    this.#native.complete(slot, generation, true);
  }

  /** Objects come in it of whose kind nothing is known here yet: it is read again when that is. */
  #mustLearnFirst(message: ForTask): boolean {
    const unknown = message.type === 'arguments' && !canUnpack(message.values);
    if (this.#learnt || (!unknown && this.#learning === undefined)) return false;
    const again = (): void => this.receive(message);
    this.#learn().then(again, again); // an attempt to attach then says what is wrong
    return true;
  }

  #learn(): Promise<void> {
    this.#learning ??= import('./shared-kinds.js').then(
      () => void (this.#learnt = true),
      () => void (this.#learnt = true),
    );
    return this.#learning;
  }

  /** What a task was waiting for: its arguments, or the buffers among them. */
  #resume(message: ForTask): void {
    const { slot } = message;
    this.#native.resume(slot);
    this.#awaiting--;
    if (message.type === 'buffers') this.#borrowed.add(message);
    const generation = generationOf(this.#memory.views, slot);
    if (this.isCancelled(slot, generation)) {
      this.#arrivals.refuse(slot);
      this.#abandon(slot, generation);
      return;
    }
    const finished =
      message.type === 'arguments'
        ? this.#unpackAndCall(slot, message.values)
        : this.#readAndCall(slot, true);
    if (finished >= 0) this.#native.complete(slot, generation, (finished & 1) === 1);
    else this.#native.wentOn();
  }

  #updateSaturation(): void {
    // Nothing is left to do for it: the thread of a worker that is sent home ends here.
    if (this.#retiring && this.#running === 0 && this.#awaiting === 0) process.exit(0);
    const { concurrency } = this.#birth;
    const saturated = this.#retiring || this.#awaiting > 0 || this.#running >= concurrency;
    if (saturated === this.#saturated) return;
    this.#saturated = saturated;
    this.#native.setSaturated(saturated);
  }

  // --- what tasks ask ---

  #isRunning(slot: number, generation: number): boolean {
    const { views } = this.#memory;
    return phaseOf(views, slot) === phaseRunning && generationOf(views, slot) === generation;
  }

  isCancelled(slot: number, generation: number): boolean {
    const { views } = this.#memory;
    return cancelRequested(views, slot) && generationOf(views, slot) === generation;
  }

  remaining(slot: number, generation: number): number {
    if (!this.#isRunning(slot, generation)) return Number.POSITIVE_INFINITY;
    return this.#native.remaining(slot);
  }

  // --- tasks ---

  /** What `next` is to be told: the slot finished and whether it failed, or that it goes on. */
  #start(slot: number): number {
    const byPort = kindOf(this.#memory.views, slot) === kindPort;
    return byPort ? this.#ask(slot) : this.#readAndCall(slot, false);
  }

  #ask(slot: number): number {
    // Whoever has free hands shall take the next one, so this worker takes none until it has these.
    this.#awaiting++;
    this.#updateSaturation();
    this.#native.awaitPort(slot);
    return -1;
  }

  #unpackAndCall(slot: number, values: PortPack): number {
    let args: unknown;
    this.#arrivals.begin(slot);
    try {
      args = unpackFromPort(this.#codecs, values, this.#arrivals);
    } catch (error) {
      this.#arrivals.refuse(slot);
      return this.#finish(slot, error, true);
    }
    return this.#call(slot, args as unknown[]);
  }

  #readAndCall(slot: number, hasAsked: boolean): number {
    let args: unknown[];
    try {
      args = readArguments(this.#memory, slot, this.#borrowed, this.#codecs, this.#arrivals);
    } catch (error) {
      const mustLearn = this.#arrivals.unknown && !this.#learnt;
      if (mustLearn) void this.#learn();
      if (mustLearn || (this.#borrowed.missing && !hasAsked)) {
        this.#arrivals.keep(slot);
        return this.#ask(slot);
      }
      this.#arrivals.refuse(slot);
      this.#discard(slot);
      return this.#finish(slot, error, true);
    }
    return this.#call(slot, args);
  }

  #call(slot: number, args: readonly unknown[]): number {
    const word = this.#memory.views.u32[slot * slotWords + taskWord] ?? 0;
    const task = this.#functions[word & 0xffff];
    this.#discard(slot);
    let result: unknown;
    try {
      if (task === undefined) throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'no such task index');
      if (followedTasks() !== undefined || (word & hasContext) !== 0) {
        result = this.#callFollowed(slot, word, task, args);
      } else {
        result = args.length === 1 ? task(args[0]) : args.length === 0 ? task() : task(...args);
      }
      if (isThenable(result)) {
        this.#track(slot, result);
        return -1;
      }
    } catch (error) {
      return this.#finish(slot, error, true);
    }
    return this.#finish(slot, result, false);
  }

  /** Calls a task that can ask for itself or for its caller's context. */
  #callFollowed(
    slot: number,
    word: number,
    task: TaskFunction,
    given: readonly unknown[],
  ): unknown {
    let call = (): unknown => task(...given);
    if ((word & hasContext) !== 0) {
      const [values, ...args] = given;
      const { context } = this.#birth;
      call = () => withContext(context, values as readonly unknown[], () => task(...args));
    }
    const followed = followedTasks();
    if (followed === undefined) return call();
    const { views } = this.#memory;
    const current = new CurrentTask(this, slot, generationOf(views, slot), {
      id: idOf(views, slot),
      name: this.#names[word & 0xffff] ?? '',
      priority: priorityOf(word),
      worker: this.#birth.seat,
      node: this.#birth.node,
    });
    this.#followed.set(slot, current);
    return followed.run(current, call);
  }

  /** The task goes on; the worker takes others meanwhile. */
  #track(slot: number, result: PromiseLike<unknown>): void {
    const generation = generationOf(this.#memory.views, slot);
    this.#running++;
    this.#updateSaturation();
    const settle = (value: unknown, failed: boolean) => {
      // It may have been left behind, and its slot be another's by now.
      if (!this.#isRunning(slot, generation)) return;
      this.#running--;
      const finished = this.#finish(slot, value, failed);
      this.#native.complete(slot, generation, (finished & 1) === 1);
      this.#updateSaturation();
    };
    Promise.resolve(result).then(
      (value) => settle(value, false),
      (error: unknown) => settle(error, true),
    );
  }

  /** Writes the outcome into the slot. */
  #finish(slot: number, outcome: unknown, failed: boolean): number {
    if (this.#followed.size > 0) this.#followed.delete(slot);
    try {
      if (failed) this.#writer.value(slot, encodeError(outcome));
      else if (outcome instanceof Transferred) this.#sendByPort(slot, outcome);
      else this.#writer.value(slot, outcome);
      return slot * 2 + (failed ? 1 : 0);
    } catch (error) {
      return this.#finishOtherwise(slot, outcome, error, failed);
    } finally {
      this.#borrowed.release(slot);
    }
  }

  /** The outcome cannot be written as it is. */
  #finishOtherwise(slot: number, outcome: unknown, why: unknown, failed: boolean): number {
    this.#discard(slot);
    try {
      if (why instanceof NeedsPort) {
        this.#sendByPort(slot, new Transferred(failed ? encodeError(outcome) : outcome, []));
        return slot * 2 + (failed ? 1 : 0);
      }
      this.#writer.value(slot, encodeError(why));
    } catch {
      // Not even the reason can be told; a failure without a record says so (Dispatcher).
      this.#discard(slot);
      this.#writer.value(slot, undefined);
    }
    return slot * 2 + 1;
  }

  #discard(slot: number): void {
    if (hasBlock(this.#memory.views, slot)) this.#native.discard(slot);
  }

  #sendByPort(slot: number, { value, transfer }: Transferred): void {
    const departing = new Departing();
    try {
      const packed = packForPort(this.#codecs, value, departing);
      departing.leave(); // a message that has gone cannot be called back
      const message: FromWorker = { type: 'result', slot, value: packed };
      this.#port.postMessage(message, [...transfer]);
    } catch (error) {
      departing.cancel();
      throw refusal(error, value, 'result');
    }
    setKind(this.#memory.views, slot, kindPort);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
