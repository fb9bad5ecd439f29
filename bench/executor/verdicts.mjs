// The targets of the executor, each with what was measured.
import { median } from '../machine.mjs';
import { handles, own, port, ratio, rival } from './summary.mjs';

const atLeast = (what, value, target) => ({
  what,
  value,
  unit: '×',
  target: `≥ ${target}`,
  met: value >= target,
});

const atMost = (what, value, target, unit) => ({
  what,
  value,
  unit,
  target: `≤ ${target}`,
  met: value <= target,
});

export function judge({ results, measured, startUps, fixedCost }) {
  const { rounds, idle } = measured;
  const times = (key, number, base) => ratio(measured, key, number, own, base);
  const ticks = (kind) => idle.find((subject) => subject.kind === kind).ticks;
  const empty = 'empty/rates/1';
  const object = 'object/rates/1';
  const p50 = ({ jobs }, key, contender) => jobs[key][contender].numbers.p50;
  const oneCpu = rounds.map(
    (round) => round.oneCpu[own].numbers.p50 / round.oneCpu[port].numbers.p50,
  );
  const shared = 'shared/rates/1';
  const bySize = rounds.map(
    (round) => p50(round, shared, own) / p50(round, 'sharedSmall/rates/1', own),
  );
  const byClone = rounds.map(
    (round) => p50(round, 'clone/rates/1', port) / p50(round, shared, own),
  );
  // Those that followed one another.
  const bare = rounds.flatMap(({ startUps: each }) =>
    each[own].map(({ ready }, index) => ready / each['bare Workers'][index].ready),
  );
  return [
    atLeast('empty, 64 in flight, of piscina', times(empty, 'rate64', rival), 20),
    atLeast('empty, 10,000 in flight, of piscina', times(empty, 'rate10000', rival), 20),
    atLeast('empty, 64 in flight, of MessagePort', times(empty, 'rate64', port), 4),
    atLeast('empty, 10,000 in flight, of MessagePort', times(empty, 'rate10000', port), 4),
    atLeast('object, 64 in flight, of piscina', times(object, 'rate64', rival), 8),
    atLeast('object, 10,000 in flight, of piscina', times(object, 'rate10000', rival), 8),
    atMost('empty, one after the other, p50', results[empty][own].p50.median, 2, 'µs'),
    atMost('empty, one after the other, p99', results[empty][own].p99.median, 5, 'µs'),
    atMost("empty, one after the other, p50 of piscina's", times(empty, 'p50', rival), 0.1, '×'),
    atMost("all on one CPU, p50 of MessagePort's", median(oneCpu), 1, '×'),
    atMost('1 MiB by SharedArrayBuffer, p50 of that with 1 KiB', median(bySize), 1.1, '×'),
    atLeast('1 MiB by SharedArrayBuffer, of a structured clone', median(byClone), 20),
    atMost('idle, 8 workers', ticks('executor'), 0, 'ticks'),
    atMost('idle, 10,000 tasks awaiting a timer', ticks('timers'), 0, 'ticks'),
    atMost('memory of a task: its slot', fixedCost.slot.median, 64, 'B'),
    atMost('memory of a queued task: slot and queue entry', fixedCost.touched.median, 64 + 8, 'B'),
    atMost('the same with statistics', fixedCost.timed.median, 64 + 8, 'B'),
    atMost(
      'JS heap of a queued task whose handle nobody awaits',
      results['queued/queued/1'][handles].heap.median,
      150,
      'B',
    ),
    atMost('import', startUps[own].import.median, 30, 'ms'),
    atMost('2 workers ready, of two bare Workers', median(bare), 1.2, '×'),
  ];
}
