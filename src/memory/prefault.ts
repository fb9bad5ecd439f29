// Getting every page now, where the lack of one is an error and not a signal later.
import { MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { lackOfRoom } from './room.js';
import { errno } from './shortfall.js';

/** Others allocate too: what is there is looked at again after each piece. */
const pieceBytes = 64 * 2 ** 20;

/**
 * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`; some pages may be there already.
 */
export function prefault(view: Uint8Array, nodes: Iterable<number>): void {
  const { memory } = native;
  for (let at = 0; at < view.length; at += pieceBytes) {
    checkRoom(view.length - at, nodes);
    const bytes = Math.min(pieceBytes, view.length - at);
    const error = memory.populate(view, at, bytes);
    // Linux before 5.14: the check above is all there is.
    if (error === errno.EINVAL) memory.touch(view, at, bytes);
    else if (error !== 0) {
      throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', 'the memory could not be had', {
        errno: error,
        syscall: 'madvise',
      });
    }
  }
}

/** @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`. */
export function checkRoom(bytes: number, nodes: Iterable<number>): void {
  const lack = lackOfRoom(bytes, nodes);
  if (lack !== undefined) throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', lack);
}
