// A view of a NumaBuffer is over shared memory, whichever of its constructor's signatures TypeScript sees.
import { expectTypeOf, test } from 'vitest';
import type { NumaBuffer } from 'moirai';

declare const buffer: NumaBuffer;
class Cells {
  readonly length: number;
  constructor(_: SharedArrayBuffer, __: number, length: number) {
    this.length = length;
  }
}

test('each kind of view', () => {
  expectTypeOf(buffer.view(Int8Array)).toEqualTypeOf<Int8Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Uint8Array)).toEqualTypeOf<Uint8Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Uint8ClampedArray)).toEqualTypeOf<
    Uint8ClampedArray<SharedArrayBuffer>
  >();
  expectTypeOf(buffer.view(Int16Array)).toEqualTypeOf<Int16Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Uint16Array)).toEqualTypeOf<Uint16Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Int32Array)).toEqualTypeOf<Int32Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Uint32Array)).toEqualTypeOf<Uint32Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Float32Array)).toEqualTypeOf<Float32Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Float64Array)).toEqualTypeOf<Float64Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(BigInt64Array)).toEqualTypeOf<BigInt64Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(BigUint64Array)).toEqualTypeOf<BigUint64Array<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(DataView)).toEqualTypeOf<DataView<SharedArrayBuffer>>();
  expectTypeOf(buffer.view(Cells)).toEqualTypeOf<Cells>();
});
