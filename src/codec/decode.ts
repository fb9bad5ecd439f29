import { MoiraiError } from '../base/index.js';
import type { CodecTable } from './codec-table.js';
import { ARGUMENTS_GRAPH, GRAPH, HANDLES, MANY_ARGUMENTS, TREE } from './format.js';
import { readValue } from './read-value.js';
import { corrupt, Reader, type Attacher, type FindBuffer } from './reader.js';
import type { Views } from './window.js';

// A user's codec may start another decoding in the midst of one.
let idle: Reader | undefined;

function begin(
  views: Views,
  start: number,
  length: number,
  findBuffer: FindBuffer | undefined,
  codecs: CodecTable | undefined,
  attach: Attacher | undefined,
): Reader {
  const reader = idle ?? new Reader(views);
  reader.begin(views, start, length);
  idle = undefined;
  reader.findBuffer = findBuffer;
  reader.codecs = codecs;
  reader.attach = attach;
  return reader;
}

function finish(reader: Reader): void {
  reader.objects = undefined;
  reader.attach = undefined;
  idle = reader;
}

/**
 * The value that `encode` wrote at [`start`, `start` + `length`). It shares nothing with the memory.
 *
 * @param findBuffer where SharedArrayBuffers come from; without it there must be none
 * @param codecs those that the writer had
 * @param attach makes objects of handles; without it there must be none
 * @throws MoiraiError CORRUPT where the bytes are no value; never anything else, except TOO_LARGE where
 * too little stack is left, and NOT_SERIALIZABLE where a user's codec throws.
 */
export function decode(
  views: Views,
  start: number,
  length: number,
  findBuffer?: FindBuffer,
  codecs?: CodecTable,
  attach?: Attacher,
): unknown {
  const message = begin(views, start, length, findBuffer, codecs, attach);
  try {
    const first = message.bytes[start] as number;
    if (first === TREE || first === GRAPH || first === HANDLES) {
      message.position++;
      if (first !== TREE) message.objects = [];
    }
    return readValue(message);
  } catch (error) {
    throw failure(error);
  } finally {
    finish(message);
  }
}

/** Whether the value that `encode` wrote at `start` has objects in it that are on their way. */
export function holdsHandles({ bytes }: Views, start: number): boolean {
  return bytes[start] === HANDLES;
}

/** The argument list that `encodeArguments` wrote, likewise. */
export function decodeArguments(
  views: Views,
  start: number,
  length: number,
  findBuffer?: FindBuffer,
  codecs?: CodecTable,
  attach?: Attacher,
): unknown[] {
  const message = begin(views, start, length, findBuffer, codecs, attach);
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
    finish(message);
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
