import {
  ABSENT,
  ARRAY,
  ARRAY_BUFFER,
  BIGINT,
  BIGINT64,
  BOXED,
  DATE,
  DOUBLE,
  DOUBLE_ARRAY,
  ERROR,
  FALSE,
  HANDLE,
  HOLE,
  INSTANCE,
  INT16,
  INT32,
  INT32_ARRAY,
  INT8,
  LATIN1,
  MAP,
  NULL,
  OBJECT,
  REF,
  REGEXP,
  SET,
  SHAPED,
  SHARED_BUFFER,
  SHORT_UTF16,
  SMALL_ARRAY,
  SMALL_ARRAY_MAX,
  SPARSE_ARRAY,
  TRUE,
  UNDEFINED,
  UTF16,
  VIEW,
  WHOLE_VIEW,
} from './format.js';
import { readArray, readDoubles, readIntegers, readItems, readSparse } from './read-array.js';
import { readBuffer, readShared, readView, readWholeView } from './read-binary.js';
import {
  readBoxed,
  readDate,
  readErrorObject,
  readMap,
  readRegExp,
  readSet,
} from './read-builtin.js';
import { readDictionary, readShaped } from './read-object.js';
import { readHandle } from './read-handle.js';
import { readInstance } from './read-instance.js';
import { nothing } from './nothing.js';
import { readLatin1, readShortUtf16, readSmallString, readUtf16 } from './read-string.js';
import { corrupt, type Reader } from './reader.js';

type Read = (reader: Reader) => unknown;

const unknownTag: Read = () => {
  throw corrupt('unknown tag');
};

/** By tag. */
const readers: readonly Read[] = (() => {
  const table = new Array<Read>(256).fill(unknownTag);
  table[UNDEFINED] = () => undefined;
  table[NULL] = () => null;
  table[TRUE] = () => true;
  table[FALSE] = () => false;
  table[INT8] = (reader) => reader.view.getInt8(reader.take(1));
  table[INT16] = (reader) => reader.view.getInt16(reader.take(2), true);
  table[INT32] = (reader) => reader.view.getInt32(reader.take(4), true);
  table[DOUBLE] = (reader) => reader.view.getFloat64(reader.take(8), true);
  table[LATIN1] = readLatin1;
  table[SHORT_UTF16] = readShortUtf16;
  table[UTF16] = readUtf16;
  table[BIGINT64] = (reader) => reader.view.getBigInt64(reader.take(8), true);
  table[BIGINT] = readBigint;
  table[DATE] = readDate;
  table[ARRAY] = readArray;
  table[HOLE] = () => nothing;
  table[INT32_ARRAY] = readIntegers;
  table[DOUBLE_ARRAY] = readDoubles;
  table[SPARSE_ARRAY] = readSparse;
  table[SHAPED] = readShaped;
  table[OBJECT] = readDictionary;
  table[REF] = readReference;
  table[ABSENT] = () => nothing;
  table[MAP] = readMap;
  table[SET] = readSet;
  table[REGEXP] = readRegExp;
  table[ERROR] = readErrorObject;
  table[BOXED] = readBoxed;
  table[ARRAY_BUFFER] = readBuffer;
  table[WHOLE_VIEW] = readWholeView;
  table[VIEW] = readView;
  table[SHARED_BUFFER] = readShared;
  table[INSTANCE] = readInstance;
  table[HANDLE] = readHandle;
  for (let count = 0; count <= SMALL_ARRAY_MAX; count++) {
    table[SMALL_ARRAY | count] = (reader) => readItems(reader, count);
  }
  return table;
})();

/** The next value, or `nothing` where there is a hole or an absent property. */
export function readValue(reader: Reader): unknown {
  const at = reader.position;
  if (at >= reader.end) throw corrupt('the bytes end early');
  const tag = reader.bytes[at] as number;
  reader.position = at + 1;
  // Literals: an imported constant costs a load and a check each time.
  if (tag < 0x80) return tag;
  if (tag < 0xc0) return readSmallString(reader, tag & 0x3f);
  if (tag === 0xc7) return reader.view.getFloat64(reader.take(8), true);
  return (readers[tag] as Read)(reader);
}

function readBigint(reader: Reader): bigint {
  const negative = reader.byte() === 1;
  const size = reader.count(1);
  const at = reader.take(size);
  const magnitude = BigInt(`0x${reader.bytes.latin1Slice(at, at + size)}`);
  return negative ? -magnitude : magnitude;
}

function readReference(reader: Reader): unknown {
  const number = reader.u32();
  const { objects } = reader;
  if (objects === undefined || number >= objects.length) throw corrupt('a reference to no object');
  return objects[number];
}
