import { MoiraiError } from '../base/index.js';
import type { Shared } from '../share/index.js';
import type { CodecTable } from './codec-table.js';
import { MAX_DEPTH } from './format.js';
import { rawBytes, type RawBytes, type Views } from './window.js';

export function corrupt(what: string, cause?: unknown): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CORRUPT', `cannot decode: ${what}`, { cause });
}

/** SharedArrayBuffers by the numbers that the writer gave them. */
export type FindBuffer = (number: number) => SharedArrayBuffer | undefined;

/** Makes objects of the handles in a message. */
export interface Attacher {
  attach(handle: Shared<unknown>): unknown;
  /** One of this kind comes next; throws where that is no use. */
  expect?(kind: string): void;
}

/** The state of one decoding. Every read is checked against `end`: the bytes may be anything. */
export class Reader {
  bytes: RawBytes;
  view: DataView;
  position = 0;
  end = 0;
  depth = 0;
  /** The objects of a GRAPH by number; in a TREE undefined. */
  objects: unknown[] | undefined = undefined;
  findBuffer: FindBuffer | undefined = undefined;
  codecs: CodecTable | undefined = undefined;
  attach: Attacher | undefined = undefined;

  constructor(views: Views) {
    this.bytes = rawBytes(views.bytes);
    this.view = views.view;
  }

  begin(views: Views, start: number, length: number): void {
    if (!(start >= 0 && length > 0 && start + length <= views.bytes.length)) {
      throw corrupt('the window is outside the memory');
    }
    this.bytes = rawBytes(views.bytes);
    this.view = views.view;
    this.position = start;
    this.end = start + length;
    this.depth = 0;
    this.objects = undefined;
  }

  /** Steps over the next `size` bytes and returns their offset. */
  take(size: number): number {
    const at = this.position;
    const next = at + size;
    if (next > this.end) throw corrupt('the bytes end early');
    this.position = next;
    return at;
  }

  byte(): number {
    const at = this.take(1);
    return this.bytes[at] as number;
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** A number of things that take at least `size` bytes each, so that none is believed that cannot be. */
  count(size: number): number {
    const count = this.u32();
    if (count * size > this.end - this.position) throw corrupt('a count exceeds the bytes left');
    return count;
  }

  /** To be matched by `depth--`; not after a throw, which ends the whole decoding. */
  descend(): void {
    if (++this.depth > MAX_DEPTH) throw corrupt('nested too deeply');
  }

  /** Numbers a new object. */
  add<T>(object: T): T {
    this.objects?.push(object);
    return object;
  }
}
