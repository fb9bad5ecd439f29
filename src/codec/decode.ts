import { MoiraiError } from '../base/index.js';
import { ARGUMENTS_GRAPH, GRAPH, MANY_ARGUMENTS, TREE } from './format.js';
import { readValue } from './read-value.js';
import { corrupt, Reader, type FindBuffer } from './reader.js';
import type { Views } from './window.js';

// Decoding runs no code of the user, so that one reader serves a whole thread.
let reader: Reader | undefined;

function begin(
  views: Views,
  start: number,
  length: number,
  findBuffer: FindBuffer | undefined,
): Reader {
  reader ??= new Reader(views);
  reader.begin(views, start, length);
  reader.findBuffer = findBuffer;
  return reader;
}

/**
 * The value that `encode` wrote at [`start`, `start` + `length`). It shares nothing with the memory.
 *
 * @param findBuffer where SharedArrayBuffers come from; without it there must be none
 * @throws MoiraiError CORRUPT where the bytes are no value; never anything else, except TOO_LARGE where
 * too little stack is left.
 */
export function decode(
  views: Views,
  start: number,
  length: number,
  findBuffer?: FindBuffer,
): unknown {
  const message = begin(views, start, length, findBuffer);
  try {
    const first = message.bytes[start] as number;
    if (first === TREE || first === GRAPH) {
      message.position++;
      if (first === GRAPH) message.objects = [];
    }
    return readValue(message);
  } catch (error) {
    throw failure(error);
  } finally {
    message.objects = undefined;
  }
}

/** The argument list that `encodeArguments` wrote, likewise. */
export function decodeArguments(
  views: Views,
  start: number,
  length: number,
  findBuffer?: FindBuffer,
): unknown[] {
  const message = begin(views, start, length, findBuffer);
  try {
    const first = message.byte();
    if ((first & ARGUMENTS_GRAPH) !== 0) message.objects = [];
    let count = first & ~ARGUMENTS_GRAPH;
    if (count === MANY_ARGUMENTS) count = message.count(1);
    const args: unknown[] = [];
    for (let i = 0; i < count; i++) args.push(readValue(message));
    return args;
  } catch (error) {
    throw failure(error);
  } finally {
    message.objects = undefined;
  }
}

function failure(error: unknown): unknown {
  if (error instanceof MoiraiError) return error;
  if (error instanceof RangeError && error.message === 'Maximum call stack size exceeded') {
    return new MoiraiError('ERR_MOIRAI_TOO_LARGE', 'no stack is left to decode a nested value', {
      cause: error,
    });
  }
  // Constructors of the language refuse what no encoder writes: a bad pattern, a misaligned view.
  return corrupt('an object cannot be made', error);
}
