// What the compiler knows of real-time contexts.
import { expectTypeOf } from 'vitest';
import {
  RealtimeContext,
  RtConstraints,
  type PeriodicTask,
  type Tick,
  type TickName,
} from 'moirai';
import type * as loops from '../realtime/fixtures/loops.mjs';

type Names = TickName<typeof loops>;
expectTypeOf<'note' | 'nothing' | 'never'>().toExtend<Names>();
// A promise would end after its tick, and a number is no function.
expectTypeOf<'later'>().not.toExtend<Names>();
expectTypeOf<'notAFunction'>().not.toExtend<Names>();
expectTypeOf<
  TickName<{ tick(tick: Tick): number; other(tick: string): void }>
>().toEqualTypeOf<'tick'>();

const rt = await RealtimeContext.start<typeof loops>({
  tasks: new URL('./loops.js', import.meta.url),
  policy: RtConstraints.fifo(80),
});
expectTypeOf(rt.periodic('note', { periodUs: 1000 })).toEqualTypeOf<PeriodicTask>();
// @ts-expect-error a misspelt name
rt.periodic('notes', { periodUs: 1000 });
rt.periodic('note', { periodUs: 1, watchdog: { timeoutUs: 1, safeState: 'toSafety' } });
// @ts-expect-error a misspelt safe state
rt.periodic('note', { periodUs: 1, watchdog: { timeoutUs: 1, safeState: 'toSafty' } });
// @ts-expect-error without a period
rt.periodic('note', {});
// @ts-expect-error times are numbers
RtConstraints.deadline({ runtimeUs: '1', periodUs: 1000 });
// @ts-expect-error constraints do not change
RtConstraints.fifo(80).priority = 3;
