// The memory that an executor's threads share: task slots first, payload blocks behind them.
import type { Views } from '../codec/index.js';
import { MoiraiError } from '../base/index.js';
import { slotBytes } from './layout.js';

const firstBlocksBytes = 1 << 20;
// What V8 reserves address space for; the first size it grants is taken.
const reservations = [2 ** 32, 2 ** 31, 2 ** 30, 2 ** 28];

/** Fixed-length views cost nothing per access; length-tracking ones cost 28 ns. */
function viewsOf(buffer: SharedArrayBuffer): Views {
  const length = buffer.byteLength;
  return {
    bytes: Buffer.from(buffer, 0, length),
    view: new DataView(buffer, 0, length),
    f64: new Float64Array(buffer, 0, length / 8),
    u32: new Uint32Array(buffer, 0, length / 4),
  };
}

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  views: Views;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.views = viewsOf(buffer);
  }

  static create(slots: number): SharedMemory {
    const bytes = slots * slotBytes + firstBlocksBytes;
    for (const maxByteLength of reservations) {
      if (maxByteLength < bytes) continue;
      try {
        return new SharedMemory(new SharedArrayBuffer(bytes, { maxByteLength }));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    throw new MoiraiError(
      'ERR_MOIRAI_OUT_OF_MEMORY',
      `no address space for ${bytes} bytes of task slots and payloads`,
    );
  }

  get maxBytes(): number {
    return this.buffer.maxByteLength;
  }

  /** Makes at least `bytes` usable; other threads may be growing the same memory. */
  ensure(bytes: number): void {
    while (this.buffer.byteLength < bytes) {
      const wanted = Math.max(bytes, Math.floor(this.buffer.byteLength * 1.5));
      const pages = Math.min(Math.ceil(wanted / 65536) * 65536, this.maxBytes);
      try {
        this.buffer.grow(pages);
      } catch (error) {
        if (this.buffer.byteLength >= pages) continue;
        throw new MoiraiError(
          'ERR_MOIRAI_OUT_OF_MEMORY',
          `payload memory cannot grow to ${pages} bytes`,
          { cause: error },
        );
      }
    }
  }

  /** Views that reach at least `end`; another thread may have grown the memory since the last. */
  reaching(end: number): Views {
    if (end > this.views.bytes.length) this.views = viewsOf(this.buffer);
    return this.views;
  }
}
