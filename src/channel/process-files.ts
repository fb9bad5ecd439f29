// The files behind channels between processes: made whole before they get a name, checked when opened.
import { availableParallelism } from 'node:os';
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { regionFiles } from '../memory/index.js';
import { native } from '../native.js';
import { codecOf } from './codec-of.js';
import { kinds, type ChannelKind } from './kinds.js';
import type { MessageCodec, MessageShape } from './messages.js';

/** Kinds of channel that can be between processes. */
export type ProcessChannelKind = Extract<ChannelKind, 'spsc' | 'mpmc'>;

const processKinds: readonly ProcessChannelKind[] = ['spsc', 'mpmc'];

/** How many ends died without closing, and how many messages they had taken and not released. */
export interface PeerLoss {
  readonly senders: number;
  readonly receivers: number;
  /**
   * Messages that a receiver had taken when it died. Whether it has acted on them, nobody knows; nobody
   * receives them any more.
   */
  readonly messages: number;
}

/** A channel's file, open in this process, and what is in it. */
export interface ChannelFile {
  readonly file: number;
  readonly kind: ProcessChannelKind;
  readonly capacity: number;
  readonly message: MessageShape;
  readonly messageBytes: number;
  readonly descriptionBytes: number;
  readonly path: string | undefined;
}

/** Apart from the names of the user's own regions. */
export function channelPath(name: unknown, argument: string): string {
  if (typeof name !== 'string') throw invalidType(argument, 'a name', name);
  if (!/^[\w.-]{1,192}$/u.test(name)) {
    throw invalidRange(argument, '1 to 192 letters, digits, ".", "_" and "-"', name);
  }
  return regionFiles.pathOf(`channel.${name}`, argument);
}

const errno = { ENOENT: 2, EEXIST: 17 } as const;

function refuse(result: number, version = 0): never {
  const { processChannel } = native;
  switch (result) {
    case -1:
      throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'this is no channel');
    case -2: {
      const why = `the channel has layout ${version}, this library has layout ${processChannel.version}`;
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    case -3:
      throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'the head of the channel is not what it must be');
    case -4: {
      const why = 'every end of this channel is taken (spsc: one of each side; mpmc: 64 in all)';
      throw new MoiraiError('ERR_MOIRAI_WOULD_BLOCK', why);
    }
    case -5:
      throw closedForGood();
    case -6:
      throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'the channel has changed since it was opened');
    case -7: {
      const why = 'this kernel or sandbox has no locks of open files (fcntl, F_OFD_SETLK)';
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    default:
      regionFiles.checked(-result, 'open', 'sharedMemory');
      throw new MoiraiError('ERR_MOIRAI_SYSTEM', 'unknown', { errno: result });
  }
}

function closedForGood(): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CLOSED', 'the last end of this channel has closed');
}

/** A new file, and its name where it has one. */
export function createChannelFile(
  kind: ProcessChannelKind,
  capacity: number,
  codec: MessageCodec<never>,
  path: string | undefined,
): ChannelFile {
  const description = Buffer.from(JSON.stringify(codec.shape));
  if (description.byteLength > 2 ** 16) {
    throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', 'the description of the codec has over 64 KiB');
  }
  const { region, processChannel } = native;
  const descriptionBytes = description.byteLength;
  const { number } = kinds[kind];
  const bytes = processChannel.bytes(number, capacity, codec.bytes, descriptionBytes);
  const file = regionFiles.checked(
    region.create(path === undefined ? null : regionFiles.directory, bytes),
    path === undefined ? 'memfd_create' : 'open',
    path === undefined ? 'memfd' : 'sharedMemory',
  );
  try {
    regionFiles.reserve(file, bytes);
    const failed = processChannel.format(
      file,
      number,
      capacity,
      codec.bytes,
      descriptionBytes,
      description,
    );
    regionFiles.checked(-failed, 'mmap');
    if (path !== undefined) publish(file, path);
  } catch (error) {
    region.closeFile(file);
    throw error;
  }
  const message = codec.shape;
  return { file, kind, capacity, message, messageBytes: codec.bytes, descriptionBytes, path };
}

function publish(file: number, path: string): void {
  const { region } = native;
  let failed = region.publish(file, path);
  if (failed === errno.EEXIST && isOver(path)) failed = region.publish(file, path);
  regionFiles.checked(-failed, 'linkat', 'sharedMemory', path);
}

/** There was a channel that is closed for good under this name; whoever closed it died there. */
function isOver(path: string): boolean {
  const { region, processChannel } = native;
  const file = region.open(path);
  if (file < 0) return file === -errno.ENOENT;
  const facts = new Float64Array(8);
  const over = typeof processChannel.describe(file, facts) !== 'number' && facts[7] === 1;
  region.closeFile(file);
  return over && region.unlink(path) === 0;
}

/** The channel of that name, or behind that descriptor, of which a duplicate is kept. */
export function openChannelFile(source: { path: string } | { fd: number }): ChannelFile {
  const { region } = native;
  const path = 'path' in source ? source.path : undefined;
  const file =
    'path' in source
      ? regionFiles.checked(region.open(source.path), 'open', 'sharedMemory', source.path)
      : regionFiles.checked(region.duplicate(source.fd), 'fcntl');
  try {
    const bytes = regionFiles.inspect(file);
    // Another maker may have left holes, and a hole that cannot be filled is a signal.
    regionFiles.reserve(file, bytes);
    return { file, path, ...describe(file) };
  } catch (error) {
    region.closeFile(file);
    throw error;
  }
}

function describe(file: number): Omit<ChannelFile, 'file' | 'path'> {
  const facts = new Float64Array(8);
  const description = native.processChannel.describe(file, facts);
  const [version = 0, number = 0, capacity = 0, messageBytes = 0] = facts;
  if (typeof description === 'number') refuse(description, version);
  if (facts[7] === 1) throw closedForGood();
  const kind = processKinds.find((one) => kinds[one].number === number);
  const message = parseShape(description);
  if (kind === undefined || message === undefined || message.bytes !== messageBytes) refuse(-3);
  const descriptionBytes = description.byteLength;
  return { kind, capacity, message: message.shape, messageBytes, descriptionBytes };
}

/** A codec as another process has described it, which may be anything. */
function parseShape(description: Uint8Array): MessageCodec<never> | undefined {
  try {
    const shape = JSON.parse(Buffer.from(description).toString()) as MessageShape;
    const known: readonly unknown[] = ['f64', 'u32', 'bytes', 'utf8', 'cloneable', 'struct'];
    return known.includes(shape.kind) ? codecOf(shape) : undefined;
  } catch {
    return undefined; // no JSON, or what the codecs refuse
  }
}

/** What was lost in this channel since it was made. */
export function lossesOf(file: number): PeerLoss {
  const facts = new Float64Array(8);
  const description = native.processChannel.describe(file, facts);
  if (typeof description === 'number') refuse(description, facts[0]);
  const [, , , , senders = 0, receivers = 0, messages = 0] = facts;
  return { senders, receivers, messages };
}

/** One end more: its number and memory in this process. */
export function joinChannelFile(
  { file, kind, capacity, messageBytes, descriptionBytes, path = null }: Joinable,
  sends: boolean,
): { readonly id: number; readonly memory: ArrayBuffer } {
  const joined = native.processChannel.join(
    file,
    sends,
    kinds[kind].number,
    capacity,
    messageBytes,
    descriptionBytes,
    path,
    availableParallelism(),
  );
  if (typeof joined === 'number') refuse(joined);
  return joined;
}

type Joinable = Omit<ChannelFile, 'path'> & { readonly path?: string | null | undefined };
