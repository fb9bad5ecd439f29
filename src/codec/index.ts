// Values across threads: written straight into shared memory and read out of it again, with the results
// of structuredClone; and errors, whole. Start at encode.ts and format.ts.
export { decode, decodeArguments, holdsHandles } from './decode.js';
export { CodecTable, type Codec } from './codec-table.js';
export { encode, encodeArguments } from './encode.js';
export {
  encodeError,
  type ErrorRecord,
  type ThrownError,
  type ThrownValue,
} from './error-record.js';
export { decodeError, type RevivalOptions } from './error-revival.js';
export {
  canUnpack,
  dropPack,
  packForPort,
  unpackFromPort,
  type PortPack,
} from './port-pack.js';
export { NeedsPort, refusal } from './refusal.js';
export type { Attacher, FindBuffer } from './reader.js';
export { shortLatin1, SHORT_MAX } from './short-latin1.js';
export { Writer, type Views } from './window.js';
