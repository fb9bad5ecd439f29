import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, decodeArguments, encode, type Views } from '../../dist/codec/index.js';
import { codeOf, MovingWriter, viewsOf } from './kit.js';
import { graph } from './values.js';
import { runs } from '../properties.js';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`codec corruption: SEED=${seed}`);
const settings = { seed, numRuns: runs(5000) };

function expectCorruptOrValue(
  read: (views: Views, start: number, length: number) => unknown,
  bytes: Uint8Array,
): void {
  const memory = new SharedArrayBuffer(bytes.length + 64, { maxByteLength: bytes.length + 64 });
  const views = viewsOf(memory);
  views.bytes.set(bytes, 7);
  expect([undefined, 'ERR_MOIRAI_CORRUPT']).toContain(codeOf(() => read(views, 7, bytes.length)));
}

describe('corrupt bytes give CORRUPT or some value', () => {
  it('at random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        expectCorruptOrValue(decode, bytes);
        expectCorruptOrValue(decodeArguments, bytes);
      }),
      settings,
    );
  });

  it('at random, of bytes that are mostly tags', () => {
    const byte = fc.oneof(fc.integer({ min: 0xc0, max: 0xf1 }), fc.nat(3));
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 60 }), (bytes) => {
        expectCorruptOrValue(decode, Uint8Array.from([0xf1, ...bytes]));
        expectCorruptOrValue(decode, Uint8Array.from([0xf0, ...bytes]));
      }),
      settings,
    );
  });

  it('with a few bytes of a real message changed, or cut off', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(graph, fc.array(change, { maxLength: 3 }), fc.nat(), (value, changes, cut) => {
        const writer = new MovingWriter();
        encode(writer, value);
        const bytes = Uint8Array.from(writer.views.bytes.subarray(writer.start, writer.position));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        expectCorruptOrValue(decode, bytes);
        expectCorruptOrValue(decode, bytes.subarray(0, 1 + (cut % bytes.length)));
      }),
      settings,
    );
  });
});
