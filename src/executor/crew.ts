// The executor's worker threads: born in their place, replaced when they die, sent home at the end.
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
  type WorkerOptions,
} from 'node:worker_threads';
import { invalidRange, MoiraiError } from '../base/index.js';
import { decodeError, dropPack, refusal, type PortPack } from '../codec/index.js';
import type { Messenger } from './dispatcher.js';
import type { CheckedOptions } from './options.js';
import { bornOn, type Seat } from './placement.js';
import type { Birth, FromOwner, FromWorker } from './wire.js';

/** What the crew tells its executor. */
export interface CrewListener {
  /** A worker's thread is gone; what it had started will not finish. */
  lost(seat: number, error: MoiraiError): void;
  /** No worker can be had any more. */
  failed(error: unknown): void;
  /** A worker that was sent home has ended. */
  retired(seat: number): void;
  /** How many tasks the workers of this seat have begun so far. */
  begun(seat: number): number;
  workerCreated(seat: number): void;
  workerDestroyed(seat: number): void;
}

interface Member {
  readonly seat: number;
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly gone: Promise<void>;
  readonly born: Deferred;
  ready: boolean;
  retiring: boolean;
  ended: boolean;
  /** What it had begun when it was ready, its predecessors' tasks included. */
  begun: number;
  lastError: unknown;
}

/** Lives of one seat in a row that may end before the worker has begun a task. */
const birthLimit = 5;
const stopGraceMs = 1000;
const entry = new URL('./worker-entry.js', import.meta.url);

export class Crew {
  /** Task names, in the order of their indices from 1. Known when the first worker is ready. */
  names: readonly string[] | undefined;
  readonly #seatAt: (seat: number) => Seat | undefined;
  readonly #members = new Map<number, Member>();
  readonly #options: CheckedOptions;
  readonly #birth: Omit<Birth, 'seat' | 'port' | 'names' | 'node'>;
  readonly #listener: CrewListener;
  readonly #failures = new Map<number, number>();
  /** Results that came by message, by slot, until their completion is met. */
  readonly #results = new Map<number, PortPack>();
  #starting = true;
  #closing = false;

  constructor(
    seatAt: (seat: number) => Seat | undefined,
    options: CheckedOptions,
    birth: Omit<Birth, 'seat' | 'port' | 'names' | 'node'>,
    listener: CrewListener,
  ) {
    this.#seatAt = seatAt;
    this.#options = options;
    this.#birth = birth;
    this.#listener = listener;
  }

  /** Resolves when these seats' workers are ready; rejects with the first reason why one is not. */
  async start(seats: readonly number[]): Promise<void> {
    await Promise.all(seats.map((seat) => this.#bear(seat)));
    this.#starting = false;
  }

  /** A worker for a seat that has none; resolves when it is ready. One whose birth fails is borne again. */
  async hire(seat: number): Promise<void> {
    if (!this.#closing && !this.#members.has(seat)) await this.#bear(seat);
  }

  /** The worker takes no more tasks, finishes those it has begun, and ends. */
  retire(seat: number): void {
    const member = this.#members.get(seat);
    if (member === undefined || member.retiring) return;
    member.retiring = true;
    if (member.ready) this.#sendHome(member);
  }

  #sendHome(member: Member): void {
    // Somebody may wait for its seat (resize), and it ends as soon as its tasks have.
    member.worker.ref();
    member.port.postMessage({ type: 'retire' } satisfies FromOwner);
  }

  /** Whether there is a worker, or one is being born, that was not sent home. */
  has(seat: number): boolean {
    return this.#members.get(seat)?.retiring === false;
  }

  isEmpty(seat: number): boolean {
    return !this.#members.has(seat);
  }

  /** `isSeated`: a worker's thread holds this seat right now. */
  messenger(isSeated: (seat: number) => boolean): Messenger {
    return {
      sendArguments: (seat, slot, { values, transfer }) => {
        const message: FromOwner = { type: 'arguments', slot, values };
        this.#members.get(seat)?.port.postMessage(message, [...transfer]);
      },
      send: (seat, message) => this.#members.get(seat)?.port.postMessage(message),
      takeResult: (seat, slot) => {
        this.#takeIn(this.#members.get(seat));
        const value = this.#results.get(slot);
        this.#results.delete(slot);
        return value;
      },
      forget: (slot) => {
        const value = this.#results.get(slot);
        if (value !== undefined) dropPack(value);
        this.#results.delete(slot);
      },
      endWorker: (seat, why) => {
        const member = this.#members.get(seat);
        if (member === undefined) return;
        member.lastError = why;
        void member.worker.terminate();
      },
      checkAlive: () => {
        for (const member of this.#members.values()) {
          this.#takeIn(member);
          if (member.ready && !isSeated(member.seat)) {
            this.#onEnd(member, 'its thread has ended');
          }
        }
      },
    };
  }

  /** Takes in what a worker has sent, without waiting for the event loop. */
  #takeIn(member: Member | undefined): void {
    if (member === undefined) return;
    for (;;) {
      const received = receiveMessageOnPort(member.port);
      if (received === undefined) return;
      this.#onMessage(member, received.message as FromWorker);
    }
  }

  async stop(force: boolean): Promise<void> {
    this.#closing = true;
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        if (force || !member.ready) {
          await member.worker.terminate();
        } else {
          member.worker.ref();
          member.port.postMessage({ type: 'stop' } satisfies FromOwner);
          const timer = setTimeout(() => void member.worker.terminate(), stopGraceMs);
          await member.gone;
          clearTimeout(timer);
        }
        member.port.close();
      }),
    );
  }

  /** Resolves when the worker is ready. Whatever goes wrong rejects; a birth that fails is counted. */
  async #bear(seat: number): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    let worker: Worker;
    try {
      worker = this.#createWorker(seat, port2);
    } catch (error) {
      port1.close();
      if (!this.#onFailedLife(seat, asError(error)) && !this.#starting) this.#bearAgain(seat);
      throw error;
    }
    const born = deferred();
    const member: Member = {
      seat,
      worker,
      port: port1,
      gone: new Promise((resolve) => {
        worker.once('exit', () => resolve());
      }),
      born,
      ready: false,
      retiring: false,
      ended: false,
      begun: 0,
      lastError: undefined,
    };
    this.#members.set(seat, member);
    port1.on('message', (message: FromWorker) => this.#onMessage(member, message));
    worker.on('error', (error) => {
      member.lastError = error;
    });
    worker.once('exit', (code) => this.#onEnd(member, `its thread ended with exit code ${code}`));
    await born.promise;
  }

  #createWorker(seat: number, port: MessagePort): Worker {
    const { name, resourceLimits, env, argv, execArgv } = this.#options.worker;
    const { cpus, node = 0 } = this.#seatAt(seat) ?? {};
    const birth: Birth = { ...this.#birth, seat, port, node, names: this.names ?? [] };
    return bornOn(cpus, () => {
      return createWorker({
        workerData: birth,
        transferList: [port],
        name: `${name ?? 'moirai'}-${seat}`,
        ...(resourceLimits === undefined ? {} : { resourceLimits }),
        ...(env === undefined ? {} : { env }),
        ...(argv === undefined ? {} : { argv: [...argv] }),
        ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
      });
    });
  }

  #onMessage(member: Member, message: FromWorker): void {
    if (message.type === 'result') {
      this.#results.set(message.slot, message.value);
    } else if (message.type === 'unusable') {
      member.lastError = decodeError(message.error);
      // What the module has begun before it failed may keep the thread alive.
      void member.worker.terminate();
      this.#onEnd(member, 'it could not load its tasks');
    } else if (this.names !== undefined && message.names.join() !== this.names.join()) {
      member.lastError = new MoiraiError(
        'ERR_MOIRAI_TASKS_NOT_LOADED',
        'the task module exports different functions in different workers',
      );
      void member.worker.terminate();
    } else {
      this.names = message.names;
      this.#onReady(member);
    }
  }

  #onReady(member: Member): void {
    member.ready = true;
    member.begun = this.#listener.begun(member.seat);
    // From here on it is the tasks that keep the process alive, not the workers.
    member.worker.unref();
    member.port.unref();
    member.born.resolve();
    if (member.retiring) this.#sendHome(member);
    this.#tell(() => this.#listener.workerCreated(member.seat));
  }

  #onEnd(member: Member, how: string): void {
    if (member.ended) return;
    // It may have become ready, or sent results, since the event loop last looked.
    this.#takeIn(member);
    if (member.ended) return; // one of those messages said so
    member.ended = true;
    const { seat, ready, lastError: cause } = member;
    if (!ready) member.born.reject(this.#neverReady(seat, how, cause));
    if (this.#closing) return;
    member.port.close();
    this.#members.delete(seat);
    if (member.retiring) {
      this.#listener.retired(seat);
      if (ready) this.#tell(() => this.#listener.workerDestroyed(seat));
      return;
    }
    if (ready) {
      const error = new MoiraiError('ERR_MOIRAI_WORKER_LOST', `worker ${seat} was lost: ${how}`, {
        cause,
      });
      const idle = this.#listener.begun(seat) === member.begun;
      this.#listener.lost(seat, error);
      this.#tell(() => this.#listener.workerDestroyed(seat));
      // A worker that dies over and over before any task would do so for ever.
      if (!idle) this.#failures.delete(seat);
      else if (this.#onFailedLife(seat, error)) return;
    } else if (this.#starting) {
      return; // start() has been told
    } else if (this.#onFailedLife(seat, this.#neverReady(seat, how, cause))) {
      return;
    }
    this.#bearAgain(seat);
  }

  #bearAgain(seat: number): void {
    this.#bear(seat).catch(() => undefined); // it has been counted, and tried again
  }

  /** True: enough; there will be no worker in this seat any more. */
  #onFailedLife(seat: number, error: Error): boolean {
    const failures = (this.#failures.get(seat) ?? 0) + 1;
    this.#failures.set(seat, failures);
    if (failures <= birthLimit || this.#starting || this.#closing) return this.#closing;
    this.#listener.failed(error);
    return true;
  }

  #neverReady(seat: number, how: string, cause: unknown): Error {
    // What the worker itself says of its task module is the better error.
    if (cause instanceof MoiraiError) return cause;
    return new MoiraiError(
      'ERR_MOIRAI_TASKS_NOT_LOADED',
      `worker ${seat} was not ready before ${how}`,
      { cause },
    );
  }

  /** Listeners are the user's: they run when everything here is done, and may do anything. */
  #tell(event: () => void): void {
    queueMicrotask(event);
  }
}

/** What only Node can tell of the options, told by our names for them. */
function createWorker(
  options: Omit<WorkerOptions, 'workerData'> & { readonly workerData: Birth },
): Worker {
  try {
    return new Worker(entry, options);
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      error.code === 'ERR_WORKER_INVALID_EXEC_ARGV'
    ) {
      throw invalidRange(
        'options.execArgv',
        `what a Worker takes (${error.message})`,
        options.execArgv,
      );
    }
    throw refusal(error, options.workerData.workerData, 'options.workerData');
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
