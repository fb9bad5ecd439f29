// A window that only fails when it is full, over memory as an executor has it.
import { Writer, type Views } from '../../dist/codec/index.js';

export function viewsOf(memory: SharedArrayBuffer): Views {
  const size = memory.byteLength;
  return {
    bytes: Buffer.from(memory, 0, size),
    view: new DataView(memory, 0, size),
    f64: new Float64Array(memory, 0, size >> 3),
    u32: new Uint32Array(memory, 0, size >> 2),
  };
}

export class FixedWriter extends Writer {
  constructor(size: number) {
    super(viewsOf(new SharedArrayBuffer(size, { maxByteLength: size * 2 })), 0, size);
  }

  rewind(): void {
    this.position = this.start;
  }

  override grow(needed: number): void {
    throw new RangeError(`${needed} bytes do not fit`);
  }
}
