// A task's arguments or result in its slot: inline while they fit, in a block of shared memory if not.
import { MoiraiError } from '../base/index.js';
import {
  decode,
  decodeArguments,
  encode,
  encodeArguments,
  Writer,
  type Views,
} from '../codec/index.js';
import type { NativePayload } from '../native.js';
import {
  blockHeaderBytes,
  blockOffset,
  inlineBytes,
  inlineOffset,
  kindEmpty,
  kindEncoded,
  generationOffset,
  kindOffset,
  lengthOffset,
  slotBytes,
  workerOffset,
} from './layout.js';
import type { SharedMemory } from './memory.js';

export const slotWords = slotBytes / 4;
const lengthWord = lengthOffset / 4;
const blockWord = blockOffset / 4;

/** Writes into one slot at a time. */
export class PayloadWriter extends Writer {
  #slot = 0;
  readonly #memory: SharedMemory;
  readonly #native: NativePayload;
  readonly #scratch: Float64Array;

  constructor(memory: SharedMemory, native: NativePayload, scratch: Float64Array) {
    super(memory.views, 0, 0);
    this.#memory = memory;
    this.#native = native;
    this.#scratch = scratch;
  }

  arguments(slot: number, args: readonly unknown[]): void {
    if (args.length === 0) {
      setKind(this.views, slot, kindEmpty);
      return;
    }
    this.#begin(slot);
    encodeArguments(this, args);
    this.#end();
  }

  value(slot: number, value: unknown): void {
    if (value === undefined) {
      setKind(this.views, slot, kindEmpty);
      return;
    }
    this.#begin(slot);
    encode(this, value);
    this.#end();
  }

  #begin(slot: number): void {
    this.#slot = slot;
    this.start = this.position = slot * slotBytes + inlineOffset;
    this.end = this.start + inlineBytes;
  }

  #end(): void {
    const base = this.#slot * slotWords;
    setKind(this.views, this.#slot, kindEncoded);
    this.views.u32[base + lengthWord] = this.position - this.start;
  }

  override grow(needed: number): void {
    const used = this.position - this.start;
    const wanted = Math.max(used + needed, 2 * (this.end - this.start));
    this.#native.reserve(this.#slot, used, wanted);
    while ((this.#scratch[0] ?? -1) < 0) {
      const bytes = this.#scratch[1] ?? 0;
      if (bytes === 0) {
        throw new MoiraiError(
          'ERR_MOIRAI_TOO_LARGE',
          `a value needs more than ${wanted} bytes; all payloads together may have ${this.#memory.maxBytes}`,
        );
      }
      this.#memory.ensure(bytes);
      this.#native.grow(this.#memory.buffer.byteLength);
      this.#native.reserve(this.#slot, used, wanted);
    }
    const [offset = 0, capacity = 0] = this.#scratch;
    this.views = this.#memory.reaching(offset + capacity);
    this.start = offset;
    this.position = offset + used;
    this.end = offset + capacity;
  }
}

/** Where a slot's payload lies, in views that reach it. */
function locate(
  memory: SharedMemory,
  slot: number,
): { views: Views; start: number; length: number } {
  const u32 = memory.views.u32;
  const base = slot * slotWords;
  const block = u32[base + blockWord] ?? 0;
  const length = u32[base + lengthWord] ?? 0;
  const start = block === 0 ? slot * slotBytes + inlineOffset : block * 64 + blockHeaderBytes;
  return { views: memory.reaching(start + length), start, length };
}

export function readArguments(memory: SharedMemory, slot: number): unknown[] {
  if (kindOf(memory.views, slot) === kindEmpty) return [];
  const { views, start, length } = locate(memory, slot);
  return decodeArguments(views, start, length);
}

export function readValue(memory: SharedMemory, slot: number): unknown {
  if (kindOf(memory.views, slot) === kindEmpty) return undefined;
  const { views, start, length } = locate(memory, slot);
  return decode(views, start, length);
}

export function kindOf(views: Views, slot: number): number {
  return views.bytes[slot * slotBytes + kindOffset] ?? kindEmpty;
}

export function setKind(views: Views, slot: number, kind: number): void {
  views.bytes[slot * slotBytes + kindOffset] = kind;
}

/** Which use of the slot this is: with the slot's number it names one task. */
export function generationOf(views: Views, slot: number): number {
  return views.u32[slot * slotWords + generationOffset / 4] ?? 0;
}

/** The seat of the worker that has begun the slot's task. */
export function workerOf(views: Views, slot: number): number {
  return (views.u32[slot * slotWords + workerOffset / 4] ?? 0) & 0xffff;
}

export function hasBlock(views: Views, slot: number): boolean {
  return views.u32[slot * slotWords + blockWord] !== 0;
}
