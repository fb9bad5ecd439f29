// What the compiler knows of objects that threads share.
import { expectTypeOf } from 'vitest';
import { attach, share, SharedMap, SharedStack, type StackValue } from 'moirai';

const numbers = new SharedStack({ capacity: 1 });
const bytes = new SharedStack({ capacity: 1, value: 16 });

expectTypeOf<StackValue<'f64'>>().toEqualTypeOf<number>();
expectTypeOf<StackValue<16>>().toEqualTypeOf<Uint8Array>();
expectTypeOf(numbers.pop()).toEqualTypeOf<number | undefined>();
expectTypeOf(bytes.pop()).toEqualTypeOf<Uint8Array | undefined>();
expectTypeOf(attach(share(numbers)).pop()).toEqualTypeOf<number | undefined>();
expectTypeOf(new SharedMap({ capacity: 1 }).get('k')).toEqualTypeOf<Uint8Array | undefined>();

// @ts-expect-error numbers are not bytes
bytes.push(1);
// @ts-expect-error nor the reverse
numbers.push(new Uint8Array(1));
