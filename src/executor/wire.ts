// What the owner and a worker say to each other by message: birth, end, and the values that only a
// MessagePort can carry. Tasks themselves go through shared memory.
import type { MessagePort } from 'node:worker_threads';
import type { ErrorRecord, PortPack } from '../codec/index.js';
import type { ToldOfAddon } from '../native.js';

/** `workerData` of a worker thread; the user's own is inside. */
export interface Birth extends ToldOfAddon {
  readonly executor: number;
  readonly seat: number;
  readonly memory: SharedArrayBuffer;
  readonly tasks: string | undefined;
  readonly codecs: string | undefined;
  /** The owner's codecs in the order of their numbers: a worker must have the same ones. */
  readonly codecNames: readonly string[];
  readonly spinNs: number;
  readonly concurrency: number;
  readonly port: MessagePort;
  /** The tasks in the order of their indices, if known: a replacement must have the same ones. */
  readonly names: readonly string[];
  readonly workerData: unknown;
  /** Names of the caller's context that tasks find in theirs. */
  readonly context: readonly string[];
  /** Linux's number of the node the worker sits on. */
  readonly node: number;
}

export type FromWorker =
  | { readonly type: 'ready'; readonly names: readonly string[] }
  | { readonly type: 'unusable'; readonly error: ErrorRecord }
  | { readonly type: 'result'; readonly slot: number; readonly value: PortPack };

export type FromOwner =
  | { readonly type: 'stop' }
  /** Take no more tasks, finish those begun, and end. */
  | { readonly type: 'retire' }
  /** This task should end. */
  | {
      readonly type: 'cancel';
      readonly slot: number;
      readonly generation: number;
      readonly reason: ErrorRecord;
    }
  /** Nobody waits for this task any more: hand its slot back, though it may go on. */
  | { readonly type: 'abandon'; readonly slot: number; readonly generation: number }
  /** `values`: the argument list. */
  | { readonly type: 'arguments'; readonly slot: number; readonly values: PortPack }
  /** SharedArrayBuffers that the arguments name and the worker did not know. */
  | {
      readonly type: 'buffers';
      readonly slot: number;
      readonly ids: readonly number[];
      readonly buffers: readonly SharedArrayBuffer[];
    };

/** The task index of an inline function, whose first argument is its source. */
export const inlineTask = 0;
