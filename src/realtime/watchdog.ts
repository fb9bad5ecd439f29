// The owner's side of the thread that watches over a real-time one.
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { decodeError } from '../codec/index.js';
import { addonPath } from '../native.js';
import type { SafeStateCall } from './loop-types.js';
import { RtConstraints } from './constraints.js';
import { kernelPolicy } from './granted.js';
import type { CheckedContext, WatchdogOptions } from './options.js';
import type { FromWatchdog, KernelPolicy, ToWatchdog, WatchdogBirth } from './wire.js';

const entry = new URL('./watchdog-entry.js', import.meta.url);

/** A safe state that was called for. */
export interface Trip {
  readonly why: SafeStateCall['why'];
  /** When it was seen, in microseconds of CLOCK_MONOTONIC. */
  readonly atUs: number;
  /** What the safe state function threw, if it did. */
  readonly error?: unknown;
}

export class Watchdog {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #ready: Promise<void>;
  readonly #ended: Promise<void>;
  /** Slots that are watched: the process lives until each is stopped or safe. */
  readonly #armed = new Set<number>();

  constructor(
    options: CheckedContext,
    record: SharedArrayBuffer,
    policy: KernelPolicy,
    onTrip: (slot: number, trip: Trip) => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    const { tasks, transferList } = options;
    // What was transferred is in the other thread.
    const workerData = transferList.length === 0 ? options.workerData : undefined;
    const birth: WatchdogBirth = { addonPath, tasks, record, policy, port: port2, workerData };
    this.#port = port1;
    this.#worker = new Worker(entry, {
      workerData: birth,
      transferList: [port2],
      name: 'moirai-watchdog',
      resourceLimits: { maxYoungGenerationSizeMb: options.youngGenerationMb },
    });
    let lastError: unknown = new Error('its thread has ended');
    this.#worker.on('error', (error) => {
      lastError = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        port1.close();
        resolve();
      });
    });
    this.#ready = new Promise((resolve, reject) => {
      port1.on('message', (message: FromWatchdog) => {
        if (message.type === 'ready') {
          resolve();
        } else if (message.type === 'unusable') {
          const error = decodeError(message.error) as Error;
          reject(error);
        } else {
          const { slot, why, atUs, error } = message;
          this.#disarm(slot);
          onTrip(
            slot,
            error === undefined ? { why, atUs } : { why, atUs, error: decodeError(error) },
          );
        }
      });
      void this.#ended.then(() => reject(lastError as Error));
    });
    this.#ready.catch(() => undefined); // told by `watch`
    port1.unref();
  }

  /** Resolves when the slot is watched; rejects when there is no thread to do so. */
  async watch(slot: number, task: string, watchdog: WatchdogOptions): Promise<void> {
    this.#armed.add(slot);
    this.#worker.ref();
    await this.#ready;
    const { timeoutUs, safeState } = watchdog;
    this.#say({ type: 'watch', slot, task, timeoutUs, safeState });
  }

  unwatch(slot: number): void {
    if (!this.#armed.has(slot)) return;
    this.#disarm(slot);
    this.#say({ type: 'unwatch', slot });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }

  #disarm(slot: number): void {
    this.#armed.delete(slot);
    if (this.#armed.size === 0) this.#worker.unref();
  }

  #say(message: ToWatchdog): void {
    this.#port.postMessage(message);
  }
}

/** Above the thread that is watched, whatever that does: by so many priorities above the context's. */
export function watchdogPolicy(constraints: RtConstraints, above: number): KernelPolicy {
  const priority =
    constraints.policy === 'deadline' ? 99 : Math.min(99, constraints.priority + above);
  return kernelPolicy(RtConstraints.fifo(priority));
}
