// Channels: messages between threads through rings in shared memory.
export type { Batching } from './batching.js';
export {
  createChannel,
  type ChannelOptions,
  type ChannelPair,
  type ProcessChannelOptions,
} from './channel.js';
export {
  openChannel,
  ProcessChannel,
  unlinkChannel,
  type OpenOptions,
  type ProcessOptions,
} from './process-channel.js';
export type { PeerLoss, ProcessChannelKind } from './process-files.js';
export { block, type BlockMessage } from './blocks.js';
export type { ChannelKind, OnLag } from './kinds.js';
export {
  bytes,
  cloneable,
  f64,
  u32,
  utf8,
  type MessageCodec,
  type MessageShape,
  type FieldType,
  type FieldShape,
} from './messages.js';
export type { ClaimedSlot, PeekedSlot } from './in-place.js';
export { Receiver } from './receiver.js';
export {
  select,
  selectSync,
  sending,
  trySelect,
  type SelectCase,
  type SelectCases,
  type Selected,
} from './select.js';
export { Sender } from './sender.js';
export type { EndStats, ReceiverStats, SenderStats } from './stats.js';
export {
  struct,
  type FieldCodec,
  type InPlaceCodec,
  type StructOf,
  type StructSchema,
} from './struct.js';
export { after, every } from './time-cases.js';
