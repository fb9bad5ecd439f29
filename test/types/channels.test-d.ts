// What the compiler knows of channels and of sharing.
import { expectTypeOf } from 'vitest';
import {
  after,
  attach,
  createChannel,
  f64,
  numa,
  every,
  select,
  sending,
  share,
  trySelect,
  utf8,
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

const names = createChannel({ codec: utf8(8) });
const picked = await select({
  price: receiver,
  name: names.receiver,
  out: sending(sender, 1),
  t: every(5),
});
expectTypeOf(picked).toEqualTypeOf<
  | { readonly key: 'price'; readonly value: number }
  | { readonly key: 'name'; readonly value: string }
  | { readonly key: 'out'; readonly value: undefined }
  | { readonly key: 't'; readonly value: number }
>();
if (picked.key === 'name') expectTypeOf(picked.value).toEqualTypeOf<string>();
expectTypeOf(trySelect({ late: after(1) })).toEqualTypeOf<
  { readonly key: 'late'; readonly value: undefined } | undefined
>();

// @ts-expect-error a sender alone says nothing of what to send
await select({ sender });
// @ts-expect-error it takes numbers
sending(sender, 'text');
