// The receiver's side of batches: takes a slot and gives its messages one by one; the slot is released
// after the last.
import type { Views } from '../codec/index.js';
import { batchBytes, headBytes, sizeAt, strideOf, type BatchShape } from './batching.js';
import { corruption } from './end.js';
import type { MessageCodec } from './messages.js';

export interface BatchSource {
  readonly views: Views;
  /** Byte offset of the oldest batch, negative: there is none. Throws where there will be none. */
  peek(): number;
  release(): void;
}

export class BatchReader<T> {
  batches = 0;
  /** Messages that were given, or refused, so far. */
  taken = 0;
  readonly #codec: MessageCodec<T>;
  readonly #source: BatchSource;
  readonly #maxSize: number;
  readonly #stride: number;
  readonly #bytes: number;
  #views: Views;
  #position = 0;
  #end = 0;
  #left = 0;
  /** What another thread had left of its batch. */
  #inherited = false;

  constructor(codec: MessageCodec<T>, shape: BatchShape, source: BatchSource) {
    this.#codec = codec;
    this.#source = source;
    this.#maxSize = shape.maxSize;
    this.#stride = strideOf(codec);
    this.#bytes = batchBytes(codec, shape.maxSize);
    this.#views = source.views;
  }

  /** Messages of the batch that were not received. */
  get left(): number {
    return this.#left;
  }

  next(): T | undefined {
    if (this.#left === 0 && !this.#begin()) return undefined;
    const at = this.#position;
    const needed = this.#stride || sizeAt(this.#views, at);
    if (at + needed > this.#end) {
      this.drop();
      throw corruption();
    }
    this.#position = at + needed;
    this.#left--;
    this.taken++;
    try {
      return this.#codec.read(this.#views, at);
    } finally {
      if (this.#left === 0) this.drop();
    }
  }

  #begin(): boolean {
    const at = this.#source.peek();
    if (at < 0) return false;
    const count = this.#source.views.u32[at / 4] ?? 0;
    if (count === 0 || count > this.#maxSize) {
      this.#source.release();
      throw corruption();
    }
    this.batches++;
    this.#left = count;
    this.#position = at + headBytes;
    this.#end = at + this.#bytes;
    return true;
  }

  /** No more of this batch. */
  drop(): void {
    const had = this.#end > 0;
    this.#left = 0;
    this.#end = 0;
    if (this.#inherited) {
      this.#inherited = false;
      this.#views = this.#source.views;
    } else if (had) {
      this.#source.release();
    }
  }

  /** For another thread: what is left. */
  rest(): Rest | undefined {
    if (this.#left === 0) return undefined;
    const bytes = new Uint8Array(this.#views.bytes.subarray(this.#position, this.#end));
    return { count: this.#left, bytes };
  }

  inherit({ count, bytes }: Rest): void {
    const length = Math.ceil(bytes.length / 8) * 8;
    const buffer = new ArrayBuffer(length);
    new Uint8Array(buffer).set(bytes);
    this.#views = {
      bytes: Buffer.from(buffer),
      view: new DataView(buffer),
      f64: new Float64Array(buffer),
      u32: new Uint32Array(buffer),
    };
    this.#inherited = true;
    this.#left = count;
    this.#position = 0;
    this.#end = bytes.length;
  }
}

/** Messages that a receiver had taken and not given when it moved. */
export interface Rest {
  readonly count: number;
  readonly bytes: Uint8Array;
}
