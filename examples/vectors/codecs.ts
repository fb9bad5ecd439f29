// Both sides import this module: it says how a Vector, whose coordinates are private, is taken apart and
// put together again. Without it a Vector would arrive as an empty plain object.
import type { Codec } from 'moirai';
import { Vector } from './vector.js';

export const vector: Codec<Vector> = {
  type: Vector,
  encode: ({ coordinates }) => coordinates,
  decode: (encoded) => new Vector(...(encoded as number[])),
};
