// The files behind shared regions: their names, their rights, their space.
import { constants } from 'node:buffer';
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { native, type NativeMapping } from '../native.js';
import { errno, failure, refusal, type MemoryCapability } from './shortfall.js';

export const directory = '/dev/shm';

/** By user, so that two users' regions of one name do not meet. */
export function pathOf(name: unknown, argument: string): string {
  if (typeof name !== 'string') throw invalidType(argument, 'a name', name);
  if (!/^[A-Za-z0-9][\w.-]{0,199}$/u.test(name)) {
    const allowed = '1 to 200 letters, digits, ".", "_" and "-", the first a letter or digit';
    throw invalidRange(argument, allowed, name);
  }
  return `${directory}/moirai-${native.region.user()}-${name}`;
}

/** A result that is an errno when it is negative. `path`: the file that it is about, where that has one. */
export function checked(
  result: number,
  syscall: string,
  capability?: MemoryCapability,
  path = 'the file',
): number {
  if (result >= 0) return result;
  const why: Readonly<Record<number, string>> = {
    [errno.EEXIST]: `${path} is there already`,
    [errno.ENOENT]: `${path} is not there`,
  };
  throw failure(refusal('region', syscall, -result, capability, why[-result]));
}

export function reserve(file: number, bytes: number): void {
  checked(-native.region.reserve(file, bytes), 'fallocate');
}

export function map(file: number, bytes: number): NativeMapping {
  if (bytes > constants.MAX_LENGTH) {
    native.region.closeFile(file);
    const message = `this Node wraps no more than ${constants.MAX_LENGTH} bytes of foreign memory`;
    throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', message);
  }
  const mapping = native.region.map(file, bytes);
  if (typeof mapping === 'number') throw failure(refusal('region', 'mmap', mapping));
  return mapping;
}

/** Its size, when it is what it should be. */
export function inspect(file: number): number {
  const facts = new Float64Array(4);
  checked(-native.region.inspect(file, facts), 'statx');
  const [bytes = 0, inMemory, own, openToOthers] = facts;
  if (inMemory !== 1 || bytes === 0) {
    throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'this is no region of shared memory');
  }
  if (own !== 1) throw new MoiraiError('ERR_MOIRAI_PERMISSION', "the region is another user's");
  if (openToOthers === 1) {
    throw new MoiraiError('ERR_MOIRAI_PERMISSION', 'other users may write to the region');
  }
  return bytes;
}
