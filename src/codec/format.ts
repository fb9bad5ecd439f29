// The byte format. It lives only in the memory of one process and is never stored, so it has no version.
//
// A value is one tag byte and what the tag says. Numbers are little-endian and unaligned; `n` is a u32.
//
//   00..7f  integer 0..127                    80..bf  latin1 string of 0..63 bytes
//   e0..ef  array of 0..15 values             others  as named below
//
// A message is either one value that is no object, or TREE|GRAPH and an object. In a GRAPH objects are
// numbered in the order in which their encoding begins, REF names one of them by number, and ABSENT
// may stand for a property that vanished while it was encoded. A TREE has neither, which lets the
// decoder build objects in one step and keep no table.

export const SMALL_STRING = 0x80;
export const SMALL_STRING_MAX = 63;
export const UNDEFINED = 0xc0;
export const NULL = 0xc1;
export const TRUE = 0xc2;
export const FALSE = 0xc3;
/** i8 */
export const INT8 = 0xc4;
/** i16 */
export const INT16 = 0xc5;
/** i32 */
export const INT32 = 0xc6;
/** f64 */
export const DOUBLE = 0xc7;
/** n, n bytes */
export const LATIN1 = 0xc8;
/** u8, that many code units */
export const SHORT_UTF16 = 0xc9;
/** n, n code units */
export const UTF16 = 0xca;
/** i64 */
export const BIGINT64 = 0xcb;
/** sign byte, n, n bytes of the hexadecimal magnitude */
export const BIGINT = 0xcc;
/** f64, milliseconds */
export const DATE = 0xcd;
/** n, n values, each of which may be HOLE */
export const ARRAY = 0xce;
/** In an array: no property of this index. */
export const HOLE = 0xcf;
/** n, n × i32 */
export const INT32_ARRAY = 0xd0;
/** n, n × f64 */
export const DOUBLE_ARRAY = 0xd1;
/** length n, count n, count × (key string, value): an array with few elements or other properties */
export const SPARSE_ARRAY = 0xd2;
/** u8 words, u32 hash, words × u32: the keys (see key-block.ts); then one value per key */
export const SHAPED = 0xd3;
/** n, n × (key string, value) */
export const OBJECT = 0xd4;
/** u32 number of an object */
export const REF = 0xd5;
/** In place of a property's value: it was deleted by a getter before its turn. */
export const ABSENT = 0xd6;
/** n, n × (key, value) */
export const MAP = 0xd7;
/** n, n × value */
export const SET = 0xd8;
/** source string, flags string */
export const REGEXP = 0xd9;
/** u8 index of errorTypes; message, stack: a string or UNDEFINED; cause: a value or ABSENT */
export const ERROR = 0xda;
/** a primitive value: Number, String, Boolean or BigInt object */
export const BOXED = 0xdb;
/** n, n bytes */
export const ARRAY_BUFFER = 0xdc;
/** u8 index of viewTypes, n, n bytes: a view of a whole buffer that nothing else refers to so far */
export const WHOLE_VIEW = 0xdd;
/** In the index of WHOLE_VIEW: the buffer has no number, as it is not the original's whole buffer. */
export const SLICE = 0x80;
/** u8 index of viewTypes, offset n, length in bytes n, then the buffer as a value */
export const VIEW = 0xde;
/** n: a SharedArrayBuffer by the number that the writer gives it */
export const SHARED_BUFFER = 0xdf;
export const SMALL_ARRAY = 0xe0;
export const SMALL_ARRAY_MAX = 15;
export const TREE = 0xf0;
export const GRAPH = 0xf1;
/** u16 number of a user's codec, then what it made of the instance: a value */
export const INSTANCE = 0xf2;
/** an object on its way by its handle: kind, ticket, what it is made from; each a value */
export const HANDLE = 0xf3;
/** begins as a GRAPH a value that has handles in it: who throws it away must drop these */
export const HANDLES = 0xf4;

/** An argument list starts with its count in the low bits; this many or more are followed by n. */
export const MANY_ARGUMENTS = 0x7f;
/** Set in that byte where the list is a GRAPH. */
export const ARGUMENTS_GRAPH = 0x80;

/**
 * Objects nested deeper than this are left to the MessagePort: the decoder must never run out of
 * stack, wherever it is called, nor must a corrupt message make it.
 */
export const MAX_DEPTH = 1000;

export const MAX_LENGTH = 0xffff_ffff;
