// The executor's worker threads: born in their place, replaced when they die, sent home at the end.
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
  type WorkerOptions,
} from 'node:worker_threads';
import { invalidRange, MoiraiError } from '../base/index.js';
import { decodeError, refusal } from '../codec/index.js';
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
  workerCreated(seat: number): void;
  workerDestroyed(seat: number): void;
}

interface Member {
  readonly seat: number;
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly gone: Promise<void>;
  receive: (message: FromWorker) => void;
  ready: boolean;
  ended: boolean;
  lastError: unknown;
}

/** Births of one seat in a row that may end before the worker was ready. */
const birthLimit = 5;
const stopGraceMs = 1000;
const entry = new URL('./worker-entry.js', import.meta.url);

export class Crew {
  /** Task names, in the order of their indices from 1. Known when the first worker is ready. */
  names: readonly string[] = [];
  readonly #seats: readonly Seat[];
  readonly #members: (Member | undefined)[];
  readonly #options: CheckedOptions;
  readonly #birth: Omit<Birth, 'seat' | 'port' | 'names'>;
  readonly #listener: CrewListener;
  readonly #failedBirths: number[];
  /** Results that came by message, by slot, until their completion is met. */
  readonly #results = new Map<number, unknown>();
  #closing = false;

  constructor(
    seats: readonly Seat[],
    options: CheckedOptions,
    birth: Omit<Birth, 'seat' | 'port' | 'names'>,
    listener: CrewListener,
  ) {
    this.#seats = seats;
    this.#members = seats.map(() => undefined);
    this.#failedBirths = seats.map(() => 0);
    this.#options = options;
    this.#birth = birth;
    this.#listener = listener;
  }

  /** Resolves when every seat's worker is ready; rejects with the first reason why one is not. */
  async start(): Promise<void> {
    await Promise.all(this.#seats.map((_, seat) => this.#bear(seat)));
  }

  messenger(isSeated: (seat: number) => boolean): Messenger {
    return {
      sendArguments: (seat, slot, { values, transfer }) => {
        const message: FromOwner = { type: 'arguments', slot, values };
        this.#members[seat]?.port.postMessage(message, [...transfer]);
      },
      takeResult: (seat, slot) => {
        this.#takeIn(seat);
        const value = this.#results.get(slot);
        this.#results.delete(slot);
        return value;
      },
      checkAlive: () => {
        for (const member of this.#members) {
          // News of a birth within this very wait: the event loop is not there to bring it.
          if (member !== undefined && !member.ended) this.#takeIn(member.seat);
          if (member?.ready === true && !member.ended && !isSeated(member.seat)) {
            this.#onEnd(member, 'its thread has ended');
          }
        }
      },
    };
  }

  /** Takes in what a worker has sent, without waiting for the event loop. */
  #takeIn(seat: number): void {
    const member = this.#members[seat];
    if (member === undefined) return;
    for (;;) {
      const received = receiveMessageOnPort(member.port);
      if (received === undefined) return;
      member.receive(received.message as FromWorker);
    }
  }

  async stop(force: boolean): Promise<void> {
    this.#closing = true;
    await Promise.all(
      this.#members.map(async (member) => {
        if (member === undefined) return;
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

  #bear(seat: number): Promise<void> {
    const place = this.#seats[seat];
    if (place === undefined) return Promise.resolve();
    const { port1, port2 } = new MessageChannel();
    const { name, resourceLimits, env, argv, execArgv } = this.#options.worker;
    const birth: Birth = { ...this.#birth, seat, port: port2, names: this.names };
    const worker = bornOn(place.cpus, () => {
      return createWorker({
        workerData: birth,
        transferList: [port2],
        name: `${name ?? 'moirai'}-${seat}`,
        ...(resourceLimits === undefined ? {} : { resourceLimits }),
        ...(env === undefined ? {} : { env }),
        ...(argv === undefined ? {} : { argv: [...argv] }),
        ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
      });
    });
    const gone = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    const member: Member = {
      seat,
      worker,
      port: port1,
      gone,
      receive: () => undefined,
      ready: false,
      ended: false,
      lastError: undefined,
    };
    this.#members[seat] = member;
    worker.on('error', (error) => {
      member.lastError = error;
    });
    return new Promise((resolve, reject) => {
      member.receive = (message) => {
        if (message.type === 'ready') {
          try {
            this.#onReady(member, message.names);
            resolve();
          } catch (error) {
            reject(asError(error));
          }
        } else if (message.type === 'unusable') {
          member.lastError = decodeError(message.error);
          reject(asError(member.lastError));
          // What the module has begun before it failed may keep the thread alive.
          void worker.terminate();
          this.#onEnd(member, 'it could not load its tasks');
        } else {
          this.#onResult(message);
        }
      };
      port1.on('message', (message: FromWorker) => member.receive(message));
      worker.once('exit', (code) => {
        reject(this.#neverReady(member, code));
        this.#onEnd(member, `its thread ended with exit code ${code}`);
      });
    });
  }

  #neverReady(member: Member, code: number): MoiraiError {
    return new MoiraiError(
      'ERR_MOIRAI_TASKS_NOT_LOADED',
      `worker ${member.seat} ended with exit code ${code} before it was ready`,
      { cause: member.lastError },
    );
  }

  #onReady(member: Member, names: readonly string[]): void {
    if (this.names.length === 0) this.names = names;
    if (names.join() !== this.names.join()) {
      throw new MoiraiError(
        'ERR_MOIRAI_TASKS_NOT_LOADED',
        'the task module exports different functions in different workers',
      );
    }
    member.ready = true;
    this.#failedBirths[member.seat] = 0;
    // From here on it is the tasks that keep the process alive, not the workers.
    member.worker.unref();
    member.port.unref();
    this.#listener.workerCreated(member.seat);
  }

  #onResult(message: FromWorker): void {
    if (message.type === 'result') this.#results.set(message.slot, message.value);
  }

  #onEnd(member: Member, how: string): void {
    if (member.ended) return;
    // A worker that was soon lost may have been ready, and have begun tasks, without having been heard.
    this.#takeIn(member.seat);
    member.ended = true;
    if (this.#closing) return;
    const { seat } = member;
    if (member.ready) {
      this.#listener.workerDestroyed(seat);
      this.#listener.lost(
        seat,
        new MoiraiError('ERR_MOIRAI_WORKER_LOST', `worker ${seat} was lost: ${how}`, {
          cause: member.lastError,
        }),
      );
    } else if (this.names.length === 0) {
      return; // start() has been told
    }
    member.port.close();
    const failures = (this.#failedBirths[seat] ?? 0) + 1;
    this.#failedBirths[seat] = failures;
    if (failures > birthLimit) {
      this.#listener.failed(this.#neverReady(member, 1));
      return;
    }
    this.#bear(seat).catch(() => undefined); // its end is counted when it ends
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
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
