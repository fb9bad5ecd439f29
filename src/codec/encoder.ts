import { MoiraiError } from '../base/index.js';
import type { CodecTable } from './codec-table.js';
import { MAX_DEPTH, MAX_LENGTH } from './format.js';
import { rawBytes, type RawBytes, type Writer } from './window.js';
import { unsupported } from './refusal.js';

/** So many objects are compared one by one before a Map is worth its price. */
const FEW = 8;

interface Slice {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  readonly size: number;
}

/** The state of one encoding: a copy of the writer's window, and the objects seen so far. */
export class Encoder {
  writer: Writer;
  bytes: RawBytes;
  view: DataView;
  position: number;
  end: number;
  /** An object was met twice, or a property vanished: the message is a GRAPH. */
  graph = false;
  /** Objects go with the message. */
  handles = false;
  depth = 0;
  codecs: CodecTable | undefined;
  /** Instances whose encoding by a user's codec has begun and not ended: codec by object number. */
  open: Map<number, number> | undefined = undefined;
  #seen = 0;
  readonly #few: (object | undefined)[] = new Array<object | undefined>(FEW).fill(undefined);
  #many: Map<object, number> | undefined = undefined;

  #slices: Slice[] | undefined = undefined;

  constructor(writer: Writer) {
    this.writer = writer;
    this.bytes = rawBytes(writer.views.bytes);
    this.view = writer.views.view;
    this.position = writer.position;
    this.end = writer.end;
    this.codecs = writer.codecs;
  }

  begin(writer: Writer): void {
    this.writer = writer;
    this.graph = false;
    this.handles = false;
    this.depth = 0;
    this.codecs = writer.codecs;
    this.#load();
  }

  /** Hands the position back and forgets the objects. */
  finish(): void {
    this.writer.position = this.position;
    const seen = this.#seen;
    if (seen === 0) return;
    for (let i = 0; i < seen && i < FEW; i++) this.#few[i] = undefined;
    this.#many = undefined;
    this.#slices = undefined;
    this.open = undefined;
    this.#seen = 0;
  }

  /** Claims the next `size` bytes and returns their offset; `bytes` and `view` may be new ones after. */
  take(size: number): number {
    const at = this.position;
    if (at + size > this.end) return this.#takeMore(size);
    this.position = at + size;
    return at;
  }

  #takeMore(size: number): number {
    if (size > MAX_LENGTH) {
      throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', `a value of ${size} bytes cannot be encoded`);
    }
    this.writer.position = this.position;
    this.writer.grow(size);
    this.#load();
    const at = this.position;
    if (at + size > this.end) throw new Error('Writer.grow left too little room');
    this.position = at + size;
    return at;
  }

  #load(): void {
    const { writer } = this;
    this.bytes = rawBytes(writer.views.bytes);
    this.view = writer.views.view;
    this.position = writer.position;
    this.end = writer.end;
  }

  tag(tag: number): void {
    const at = this.take(1);
    this.bytes[at] = tag;
  }

  tagAndCount(tag: number, count: number): void {
    if (count > MAX_LENGTH) {
      throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', `a length of ${count} cannot be encoded`);
    }
    const at = this.take(5);
    this.bytes[at] = tag;
    this.view.setUint32(at + 1, count, true);
  }

  /** The number of an object met before, or -1 after giving it the next one. */
  number(object: object): number {
    const seen = this.#seen;
    if (this.#many === undefined) {
      const few = this.#few;
      for (let i = 0; i < seen; i++) if (few[i] === object) return i;
      if (seen < FEW) {
        few[seen] = object;
        this.#seen = seen + 1;
        return -1;
      }
      this.#many = new Map(few.map((one, i) => [one as object, i]));
    }
    const known = this.#many.get(object);
    if (known !== undefined) return known;
    this.#many.set(object, seen);
    this.#seen = seen + 1;
    return -1;
  }

  /** The number that `number` gave last. */
  get lastNumber(): number {
    return this.#seen - 1;
  }

  has(object: object): boolean {
    return this.#many?.has(object) ?? this.#few.includes(object);
  }

  /** Notes that a part of a buffer is copied by itself; false where it overlaps one copied before. */
  claimSlice(buffer: ArrayBuffer, offset: number, size: number): boolean {
    const slices = (this.#slices ??= []);
    for (const one of slices) {
      if (one.buffer !== buffer) continue;
      if (offset < one.offset + one.size && one.offset < offset + size) return false;
    }
    slices.push({ buffer, offset, size });
    return true;
  }

  hasSliceOf(buffer: ArrayBuffer): boolean {
    return this.#slices?.some((one) => one.buffer === buffer) ?? false;
  }

  /** To be matched by `depth--`; not after a throw, which ends the whole encoding. */
  descend(object: object): void {
    if (++this.depth > MAX_DEPTH) unsupported(object);
  }
}
