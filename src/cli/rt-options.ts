// What `moirai rt` is asked to do.
import { ArgumentError, helpOf, parse, type Options, type Values } from './arguments.js';

const options = {
  'period-us': {
    kind: 'integer',
    placeholder: 'US',
    min: 50,
    max: 3_600_000_000,
    default: 1000,
    help: 'microseconds from tick to tick',
  },
  duration: { kind: 'duration', default: 10, help: 'how long, as 500ms, 10s, 2m; 0: until Ctrl-C' },
  policy: {
    kind: 'choice',
    choices: ['fifo', 'rr', 'deadline'],
    default: 'fifo',
    help: 'SCHED_FIFO, SCHED_RR or SCHED_DEADLINE',
  },
  priority: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: 99,
    default: 80,
    help: 'of fifo and rr',
  },
  cpu: {
    kind: 'integer',
    placeholder: 'N',
    min: 0,
    max: 65_535,
    help: 'the CPU to tick on (an isolated one, or the last; not with deadline)',
  },
  mode: {
    kind: 'choice',
    choices: ['exclusive', 'cooperative'],
    default: 'exclusive',
    help: 'a thread that only ticks, or ticks in its event loop',
  },
  'spin-us': {
    kind: 'integer',
    placeholder: 'US',
    min: 0,
    max: 500,
    default: 0,
    help: 'the thread wakes so much earlier and looks at the clock',
  },
  load: {
    kind: 'integer',
    placeholder: 'US',
    min: 0,
    max: 3_600_000_000,
    default: 0,
    help: 'microseconds that each tick computes',
  },
  compare: { kind: 'flag', help: 'then runs cyclictest with the same figures, and prints ratios' },
  svg: { kind: 'text', placeholder: 'FILE', help: 'writes the histogram as a picture' },
  json: { kind: 'flag', help: 'everything as JSON' },
  degraded: { kind: 'flag', help: 'measures also where the kernel refuses the policy' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies Options;

export type RtValues = Values<typeof options>;

export const rtHelp = (): string => `Usage: moirai rt [options]

Calls a JavaScript function periodically on a real-time thread and says how late it was called: cyclictest
for loops in JavaScript.

${helpOf(options)}

Exit codes: 0 measured; 1 the kernel refused it, or it failed; 2 wrong arguments; 130 ended by Ctrl-C and
143 by SIGTERM, with the figures until then.
`;

/** @throws ArgumentError */
export function rtValues(words: readonly string[]): RtValues {
  const { values, given } = parse(options, words);
  if (values.policy === 'deadline') {
    const absent = (name: string, why: string): ArgumentError =>
      new ArgumentError(`--${name}`, `absent with --policy deadline: ${why}`);
    if (given.has('priority')) throw absent('priority', 'SCHED_DEADLINE has none');
    if (given.has('cpu')) throw absent('cpu', 'the kernel refuses SCHED_DEADLINE to bound threads');
    if (values.compare) throw absent('compare', 'cyclictest knows fifo and rr');
    if (values['period-us'] < 100 || values['period-us'] > 4_000_000) {
      throw new ArgumentError(
        '--period-us',
        'an integer from 100 to 4000000 with --policy deadline',
      );
    }
  }
  if (values.compare && values.duration === 0) {
    throw new ArgumentError('--duration', 'more than 0 with --compare', '0');
  }
  return values;
}
