import { NumaBuffer } from './numa-buffer.js';

/**
 * A codec for executors: with it among the exports of the module of `options.codecs`, a NumaBuffer that
 * is an argument or part of one arrives as a handle of the worker's own for the same memory. Without it
 * give tasks `buffer`, which arrives at the same cost.
 *
 * @example
 * // codecs.ts
 * export { numaBuffers } from 'moirai';
 */
export const numaBuffers: {
  readonly type: typeof NumaBuffer;
  readonly name: string;
  encode(memory: NumaBuffer): unknown;
  decode(encoded: unknown): NumaBuffer;
} = {
  type: NumaBuffer,
  name: 'moirai.NumaBuffer',
  encode: (memory) => [memory.buffer, memory.bytes],
  decode(encoded) {
    const [buffer, bytes] = encoded as readonly [SharedArrayBuffer, number];
    return new NumaBuffer(buffer, bytes, 'default', []);
  },
};
