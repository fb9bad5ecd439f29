// The worker's side of every task: read the arguments from the slot, call the function, write the
// result. Runs in the worker thread, called from its event loop when tasks wait.
import type { MessagePort } from 'node:worker_threads';
import { MoiraiError } from '../base/index.js';
import { encodeError, NeedsPort, refusal } from '../codec/index.js';
import type { NativeSeat } from '../native.js';
import { kindPort, taskOffset } from './layout.js';
import type { SharedMemory } from './memory.js';
import {
  generationOf,
  hasBlock,
  kindOf,
  PayloadWriter,
  readArguments,
  setKind,
  slotWords,
} from './payload.js';
import { Transferred } from './transferred.js';
import type { FromOwner, FromWorker } from './wire.js';

type TaskFunction = (...args: unknown[]) => unknown;

const taskWord = taskOffset / 4;

export class TaskRunner {
  readonly #native: NativeSeat;
  readonly #memory: SharedMemory;
  readonly #writer: PayloadWriter;
  readonly #port: MessagePort;
  /** By task index; index 0 runs inline functions. */
  readonly #functions: readonly TaskFunction[];
  readonly #concurrency: number;
  /** Asynchronous tasks that have begun, and tasks whose arguments are on their way by message. */
  #running = 0;
  #awaiting = 0;
  #saturated = false;

  constructor(options: {
    native: NativeSeat;
    memory: SharedMemory;
    scratch: Float64Array;
    port: MessagePort;
    functions: readonly TaskFunction[];
    concurrency: number;
  }) {
    this.#native = options.native;
    this.#memory = options.memory;
    this.#writer = new PayloadWriter(options.memory, options.native, options.scratch);
    this.#port = options.port;
    this.#functions = [runInline, ...options.functions];
    this.#concurrency = options.concurrency;
  }

  /** Runs tasks until none is left or the event loop must have its turn. */
  readonly run = (): void => {
    let slot = this.#native.next(-1);
    while (slot >= 0) slot = this.#native.next(this.#start(slot));
  };

  /** A message from the owner: the arguments that a task was waiting for. */
  receive(message: FromOwner): void {
    if (message.type !== 'arguments') return;
    this.#native.resume(message.slot);
    this.#awaiting--;
    const finished = this.#call(message.slot, message.values);
    if (finished >= 0) {
      this.#native.complete(
        finished >> 1,
        generationOf(this.#memory.views, finished >> 1),
        (finished & 1) === 1,
      );
    }
    this.#updateSaturation();
  }

  #updateSaturation(): void {
    const saturated = this.#awaiting > 0 || this.#running >= this.#concurrency;
    if (saturated === this.#saturated) return;
    this.#saturated = saturated;
    this.#native.setSaturated(saturated);
  }

  /** What `next` is to be told: the slot finished and whether it failed, or that it goes on. */
  #start(slot: number): number {
    if (kindOf(this.#memory.views, slot) === kindPort) {
      // Whoever has free hands shall take the next one, so this worker takes none until it has these.
      this.#awaiting++;
      this.#updateSaturation();
      this.#native.awaitPort(slot);
      return -1;
    }
    let args: unknown[];
    try {
      args = readArguments(this.#memory, slot);
    } catch (error) {
      this.#discard(slot);
      return this.#finish(slot, error, true);
    }
    return this.#call(slot, args);
  }

  #call(slot: number, args: readonly unknown[]): number {
    const task =
      this.#functions[(this.#memory.views.u32[slot * slotWords + taskWord] ?? 0) & 0xffff];
    this.#discard(slot);
    let result: unknown;
    try {
      if (task === undefined) throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'no such task index');
      result = args.length === 1 ? task(args[0]) : args.length === 0 ? task() : task(...args);
      if (isThenable(result)) {
        this.#track(slot, result);
        return -1;
      }
    } catch (error) {
      return this.#finish(slot, error, true);
    }
    return this.#finish(slot, result, false);
  }

  /** The task goes on; the worker takes others meanwhile. */
  #track(slot: number, result: PromiseLike<unknown>): void {
    const generation = generationOf(this.#memory.views, slot);
    this.#running++;
    this.#updateSaturation();
    const settle = (value: unknown, failed: boolean) => {
      this.#running--;
      this.#updateSaturation();
      const finished = this.#finish(slot, value, failed);
      this.#native.complete(slot, generation, (finished & 1) === 1);
    };
    Promise.resolve(result).then(
      (value) => settle(value, false),
      (error: unknown) => settle(error, true),
    );
  }

  /** Writes the outcome into the slot. */
  #finish(slot: number, outcome: unknown, failed: boolean): number {
    try {
      if (failed) this.#writer.value(slot, encodeError(outcome));
      else if (outcome instanceof Transferred) this.#sendByPort(slot, outcome);
      else this.#writer.value(slot, outcome);
      return slot * 2 + (failed ? 1 : 0);
    } catch (error) {
      return this.#finishOtherwise(slot, outcome, error, failed);
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
    try {
      const message: FromWorker = { type: 'result', slot, value };
      this.#port.postMessage(message, [...transfer]);
    } catch (error) {
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

const compiled = new Map<string, TaskFunction>();
const compiledLimit = 1000;

function runInline(source: unknown, ...args: unknown[]): unknown {
  const text = String(source);
  let task = compiled.get(text);
  if (task === undefined) {
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- compiling the caller's own function is what it is for
    task = new Function(`return (${text}\n)`)() as TaskFunction;
    if (compiled.size >= compiledLimit) compiled.clear();
    compiled.set(text, task);
  }
  return task(...args);
}
