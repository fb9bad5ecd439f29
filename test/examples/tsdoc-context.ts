// What the examples in the documentation of the source stand among: a name is here what it is there.
import type { Transform } from 'node:stream';
import type {
  Condition,
  Executor,
  Mutex,
  NativeTick,
  NumaBuffer,
  ObjectPool,
  RealtimeContext,
  Receiver,
  RwLock,
  Sender,
  SharedMap,
  TaskHandle,
} from 'moirai';

export { subscribe } from 'node:diagnostics_channel';
export { createWriteStream } from 'node:fs';
export { pipeline } from 'node:stream/promises';
export { Worker } from 'node:worker_threads';

interface Tasks {
  digest(path: string): string;
}
export declare const executor: Executor<Tasks>;
export declare const handle: TaskHandle<string>;
export declare const tasks: URL;
export declare const url: URL;
export declare const worker: import('node:worker_threads').Worker;

export declare const path: string;
export declare const paths: readonly string[];
export declare const files: readonly string[];
export declare const shards: readonly object[];
export declare const steps: readonly object[];
export declare const packet: Uint8Array;
export declare const samples: readonly number[];
export declare const words: Int32Array & { 0: number };
export declare const count: Int32Array & { 0: number };
export declare const parse: Transform;
export declare const response: WritableStream<Uint8Array>;

export declare const receiver: Receiver<number>;
export declare const jobs: Receiver<number>;
export declare const stops: Receiver<number>;
export declare const results: Sender<number>;
export declare const rt: RealtimeContext<object>;
export declare const addon: { readonly control: NativeTick };
export declare const prices: Receiver<number>;
export declare const orders: Receiver<string>;
export declare const mutex: Mutex;
export declare const condition: Condition;
export declare const lock: RwLock;
export declare const map: SharedMap;
export declare const table: NumaBuffer;
export declare const pool: ObjectPool<Uint8Array>;
export declare const file: import('node:fs/promises').FileHandle;

export declare function retry(): void;
export declare function readFrame(into: Uint8Array): number;
export declare function read(from: typeof file, into: Uint8Array): Promise<Uint8Array>;
export declare function decode(bytes: Uint8Array): string;
export declare function show(bytes: Uint8Array): void;
export declare function send(bytes: Uint8Array): void;
export declare function update(price: number | undefined): void;
export declare function report(what: unknown): void;
export declare function work(job: unknown): number;
export declare function log(...what: unknown[]): void;
export declare function accumulate(samples: readonly number[], scratch: Float64Array): number;
export declare function compute(step: object): void;
export declare function loadPrices(map: SharedMap): void;
export declare function use(table: NumaBuffer): void;
export declare function change(table: NumaBuffer): void;
export declare function download(url: URL): Promise<void>;
export declare function visitsIn(bytes: Uint8Array | undefined): number;
export declare class Money {
  readonly cents: bigint;
  readonly currency: string;
  constructor(cents: bigint, currency: string);
}
