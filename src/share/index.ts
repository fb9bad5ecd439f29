// Objects that go to other threads: what each says of itself, and the handle that stands for it.
export {
  departureOf,
  isKnown,
  isShareable,
  registerKind,
  sharing,
  type Departure,
  type Shareable,
} from './shareable.js';
export { Arrivals } from './arrivals.js';
export { Departing } from './departing.js';
export { attach, dropHandle, share, type Shared } from './handle.js';
