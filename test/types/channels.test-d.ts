// What the compiler knows of channels and of sharing.
import { expectTypeOf } from 'vitest';
import {
  attach,
  createChannel,
  f64,
  numa,
  share,
  type NumaBuffer,
  type Receiver,
  type Sender,
  type Shared,
} from 'moirai';

const { sender, receiver } = createChannel({ codec: f64() });

expectTypeOf(share(sender)).toEqualTypeOf<Shared<Sender<number>>>();
expectTypeOf(attach(share(receiver))).toEqualTypeOf<Receiver<number>>();
expectTypeOf(attach(share(numa.allocate(8)))).toEqualTypeOf<NumaBuffer>();

// @ts-expect-error what is no object of this package has no way to another thread
share({});
// @ts-expect-error only handles are attached
attach(sender);
