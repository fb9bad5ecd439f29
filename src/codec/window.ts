import type { Departing } from '../share/index.js';
import type { CodecTable } from './codec-table.js';

/** Fixed-length views over one memory, little-endian; replaced as a whole when the memory grows. */
export interface Views {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
}

/**
 * A window of shared memory that a value is written into. All numbers are byte offsets into
 * `views.bytes`; nothing is written at or past `end`, nothing before `position` is changed except what
 * the codec itself wrote since `encode` began.
 */
export abstract class Writer {
  views: Views;
  /** First byte of the window. */
  start: number;
  /** Where the next byte goes. */
  position: number;
  /** First byte after the window. */
  end: number;
  /** The user's codecs, if any. */
  codecs: CodecTable | undefined = undefined;

  /**
   * The objects that go with the message just written: who sends it calls `leave`. Undefined: there are
   * none, or the message was refused and has taken none along.
   */
  departing: Departing | undefined = undefined;

  constructor(views: Views, start: number, end: number) {
    this.views = views;
    this.start = start;
    this.position = start;
    this.end = end;
  }

  /**
   * Called when fewer than `needed` bytes remain between `position` and `end`. Must move to a larger
   * window: copy [`start`, `position`) there and set `views`, `start`, `position` and `end`. Throws a
   * MoiraiError TOO_LARGE where there is no such window.
   */
  abstract grow(needed: number): void;

  /** Whether whoever sends the message sees to `departing`; if not, no such objects can go. */
  get carriesObjects(): boolean {
    return false;
  }

  /** The number by which the reader finds this buffer; -1 where it does not: the buffer needs a port. */
  numberOf(_buffer: SharedArrayBuffer): number {
    return -1;
  }
}

/** What Node's Buffer has beside its documented surface: string transfer without argument checks. */
export interface RawBytes extends Uint8Array {
  latin1Write(text: string, offset: number, length: number): number;
  latin1Slice(start: number, end: number): string;
  ucs2Write(text: string, offset: number, length: number): number;
  ucs2Slice(start: number, end: number): string;
}

export function rawBytes(bytes: Buffer): RawBytes {
  return bytes as unknown as RawBytes;
}
