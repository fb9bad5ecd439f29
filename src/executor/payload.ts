// A task's arguments or result in its slot: inline while they fit, in a block of shared memory if not.
import { MoiraiError } from '../base/index.js';
import { dropHandle, type Arrivals } from '../share/index.js';
import {
  decode,
  decodeArguments,
  encode,
  encodeArguments,
  holdsHandles,
  Writer,
  type CodecTable,
  type FindBuffer,
  type Views,
} from '../codec/index.js';
import type { NativePayload } from '../native.js';
import type { DepartedObjects } from './departed.js';
import {
  blockHeaderBytes,
  blockOffset,
  inlineBytes,
  inlineOffset,
  kindEmpty,
  kindEncoded,
  lengthOffset,
  slotBytes,
} from './layout.js';
import type { SharedMemory } from './memory.js';
import { kindOf, setKind, slotWords } from './slot-fields.js';
import type { BorrowedBuffers, LentBuffers } from './shared-buffers.js';

const lengthWord = lengthOffset / 4;
const blockWord = blockOffset / 4;

/** Writes into one slot at a time. */
class PayloadWriter extends Writer {
  protected slot = 0;
  /** Index of the node whose workers will read what is written. */
  protected node = 0;
  readonly #memory: SharedMemory;
  readonly #native: NativePayload;
  readonly #scratch: Float64Array;

  constructor(
    memory: SharedMemory,
    native: NativePayload,
    scratch: Float64Array,
    codecs: CodecTable | undefined,
  ) {
    super(memory.views, 0, 0);
    this.codecs = codecs;
    this.#memory = memory;
    this.#native = native;
    this.#scratch = scratch;
  }

  override get carriesObjects(): boolean {
    return true;
  }

  /** Arguments that were encoded elsewhere. */
  encoded(slot: number, bytes: Uint8Array, node: number): void {
    this.node = node;
    this.begin(slot);
    if (bytes.length > inlineBytes) this.grow(bytes.length);
    this.views.bytes.set(bytes, this.position);
    this.position += bytes.length;
    this.finish();
  }

  protected begin(slot: number): void {
    this.slot = slot;
    this.start = this.position = slot * slotBytes + inlineOffset;
    this.end = this.start + inlineBytes;
  }

  protected finish(): void {
    const base = this.slot * slotWords;
    setKind(this.views, this.slot, kindEncoded);
    this.views.u32[base + lengthWord] = this.position - this.start;
  }

  override grow(needed: number): void {
    const used = this.position - this.start;
    const wanted = Math.max(used + needed, 2 * (this.end - this.start));
    this.#native.reserve(this.slot, used, wanted, this.node);
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
      this.#native.reserve(this.slot, used, wanted, this.node);
    }
    const [offset = 0, capacity = 0] = this.#scratch;
    this.views = this.#memory.reaching(offset + capacity);
    this.start = offset;
    this.position = offset + used;
    this.end = offset + capacity;
  }
}

/** The owner's: writes arguments. */
export class ArgumentsWriter extends PayloadWriter {
  readonly #lent: LentBuffers;
  readonly #departed: DepartedObjects;
  /** The SharedArrayBuffers among the arguments so far, in order. */
  #buffers: SharedArrayBuffer[] | undefined;

  constructor(
    memory: SharedMemory,
    native: NativePayload,
    scratch: Float64Array,
    lent: LentBuffers,
    departed: DepartedObjects,
    codecs: CodecTable | undefined,
  ) {
    super(memory, native, scratch, codecs);
    this.#lent = lent;
    this.#departed = departed;
  }

  arguments(slot: number, args: readonly unknown[], node: number): void {
    if (args.length === 0) {
      setKind(this.views, slot, kindEmpty);
      return;
    }
    this.#buffers = undefined;
    this.node = node;
    this.begin(slot);
    encodeArguments(this, args);
    this.finish();
    if (this.departing !== undefined) this.#departed.note(slot, this.departing.leave());
    if (this.#buffers !== undefined) this.#lent.lend(slot, this.#buffers);
  }

  override numberOf(buffer: SharedArrayBuffer): number {
    (this.#buffers ??= []).push(buffer);
    return this.#lent.idOf(buffer);
  }
}

/** A worker's: writes results. */
export class ResultWriter extends PayloadWriter {
  readonly #borrowed: BorrowedBuffers;

  constructor(
    memory: SharedMemory,
    native: NativePayload,
    scratch: Float64Array,
    borrowed: BorrowedBuffers,
    codecs: CodecTable | undefined,
  ) {
    super(memory, native, scratch, codecs);
    this.#borrowed = borrowed;
  }

  value(slot: number, value: unknown): void {
    if (value === undefined) {
      setKind(this.views, slot, kindEmpty);
      return;
    }
    this.begin(slot);
    encode(this, value);
    this.finish();
    this.departing?.leave();
  }

  override numberOf(buffer: SharedArrayBuffer): number {
    return this.#borrowed.numberOf(this.slot, buffer);
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

export function readArguments(
  memory: SharedMemory,
  slot: number,
  borrowed: BorrowedBuffers,
  codecs: CodecTable | undefined,
  arrivals: Arrivals,
): unknown[] {
  borrowed.begin(slot);
  arrivals.begin(slot);
  if (kindOf(memory.views, slot) === kindEmpty) return [];
  const { views, start, length } = locate(memory, slot);
  try {
    return decodeArguments(views, start, length, borrowed.find, codecs, arrivals);
  } finally {
    borrowed.end(slot);
  }
}

export function readValue(
  memory: SharedMemory,
  slot: number,
  lent: LentBuffers,
  codecs: CodecTable | undefined,
  arrivals: Arrivals,
): unknown {
  if (kindOf(memory.views, slot) === kindEmpty) return undefined;
  const { views, start, length } = locate(memory, slot);
  arrivals.begin(slot);
  try {
    return decode(views, start, length, finder(lent, slot), codecs, arrivals);
  } catch (error) {
    arrivals.refuse(slot);
    throw error;
  }
}

/** Nobody wants the value: what is on its way in it is dropped. */
export function dropValue(
  memory: SharedMemory,
  slot: number,
  lent: LentBuffers,
  codecs: CodecTable | undefined,
): void {
  if (kindOf(memory.views, slot) === kindEmpty) return;
  const { views, start, length } = locate(memory, slot);
  if (!holdsHandles(views, start)) return;
  try {
    decode(views, start, length, finder(lent, slot), codecs, { attach: dropHandle });
  } catch {
    // A codec of the user's that throws, or memory that was overwritten: there is no more to be found.
  }
}

function finder(lent: LentBuffers, slot: number): FindBuffer | undefined {
  const buffers = lent.of(slot);
  return buffers && ((number) => buffers[number]);
}
