// Every table of the report: { title, head, rows }, cells as they are printed.
import { jobs } from './plan.mjs';

const plain = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const whole = (value) => value.toFixed(0);
const times = (value) => value.toFixed(value < 0.1 ? 3 : value < 10 ? 2 : 1);
const rate = (value) =>
  value >= 1e6
    ? `${(value / 1e6).toFixed(2)} M`
    : `${(value / 1e3).toFixed(value < 100_000 ? 1 : 0)} k`;

const latency = [
  ['p50', 'p50 µs', plain],
  ['p99', 'p99 µs', plain],
  ['p999', 'p99.9 µs', plain],
];

/** Columns by the way of measuring: [number, heading, format]. */
const columns = {
  rates: ({ serial, windows }) => [
    ...(serial === true ? latency : []),
    ...windows.map((window, index) => [
      `rate${window}`,
      `${index === 0 ? 'tasks/s, ' : ''}${window.toLocaleString('en')} in flight`,
      rate,
    ]),
  ],
  bursts: () => [
    ['p50', 'p50 ms', plain],
    ['p99', 'p99 ms', plain],
    ['bursts', 'bursts', whole],
  ],
  uneven: () => [
    ['makespanMs', 'makespan ms', plain],
    ['idealMs', 'ideal ms', plain],
    ['overIdeal', '× ideal', times],
  ],
  queued: () => [
    ['heap', 'JS heap B', whole],
    ['outside', 'array buffers and external B', whole],
    ['rss', 'RSS B', whole],
    ['submitNs', 'ns to submit', whole],
  ],
  drain: () => [
    ['ms', 'ms', plain],
    ['perSecond', 'tasks/s', rate],
  ],
};

function jobTable(job, results) {
  const numbers = columns[job.kind](job);
  const withRatios = job.kind === 'rates' && job.contenders === undefined;
  const ratios = withRatios
    ? [
        ['timesPiscina', '× piscina'],
        ['timesMessagePort', '× MessagePort'],
      ].flatMap(([of, title]) =>
        job.windows.map((window) => [
          of,
          `rate${window}`,
          `${title} at ${window.toLocaleString('en')}`,
        ]),
      )
    : [];
  return {
    title: job.title,
    head: [
      'contender',
      ...numbers.map(([, heading]) => heading),
      ...ratios.map(([, , title]) => title),
    ],
    rows: Object.entries(results[job.key]).map(([contender, result]) => [
      contender,
      ...numbers.map(([number, , format]) => format(result[number].median)),
      ...ratios.map(([of, number]) => times(result[of][number])),
    ]),
  };
}

const idleTitles = {
  executor: 'executor with nothing to do',
  timers: 'executor, 10,000 tasks awaiting a timer',
  bare: 'no executor: 8 bare Workers, 10,000 timers',
};

const costTitles = {
  slot: 'slot, in shared memory',
  touched: 'resident for a queued task: slot and queue entry (`statistics: false`)',
  timed: 'the same with statistics: since when it is queued, too',
  queues: 'address space of the queues where tasks wait',
  perWorker: "address space of each worker's deque and completion ring",
  typedArrays: "owner's list of free slots, as far as they were used",
  heap: "owner's list of those who wait, in the JS heap",
};

function startUpTable({ startUps }) {
  const bare = startUps['bare Workers'].ready.median;
  return {
    title: 'Start-up: import, then two workers that have loaded the tasks',
    head: ['contender', 'import ms', 'ready ms', '× bare Workers'],
    rows: Object.entries(startUps).map(([who, { import: imported, ready }]) => [
      who === 'moirai run' ? 'moirai' : who,
      imported === undefined ? '-' : plain(imported.median),
      plain(ready.median),
      times(ready.median / bare),
    ]),
  };
}

function targetsTable({ verdicts, method }) {
  return {
    title: method.quick ? 'Targets (a quick run judges nothing)' : 'Targets',
    head: ['what', 'measured', 'target', 'verdict'],
    rows: verdicts.map(({ what, value, unit, target, met }) => [
      what,
      `${unit === 'ticks' ? value : value.toFixed(2)} ${unit}`,
      `${target} ${unit}`,
      method.quick ? '-' : met ? 'met' : 'missed',
    ]),
  };
}

export function tables(report) {
  const { results, method, measured, oneCpu } = report;
  const ofJobs = jobs.filter(({ key }) => key in results).map((job) => jobTable(job, results));
  if (oneCpu === undefined) return ofJobs;
  return [
    ...ofJobs,
    {
      title: 'Everything on one CPU, empty task, one after the other',
      head: ['one worker', ...latency.map(([, heading]) => heading)],
      rows: Object.entries(oneCpu).map(([contender, result]) => [
        contender,
        ...latency.map(([number, , format]) => format(result[number].median)),
      ]),
    },
    startUpTable(report),
    {
      title: 'What an executor holds for each task that may be outstanding',
      head: ['part', 'B'],
      rows: Object.entries(report.fixedCost).map(([part, { median }]) => [
        costTitles[part],
        plain(median),
      ]),
    },
    {
      title: `Idle for ${method.idleSeconds} s, 8 workers (node ${method.idleFlags.join(' ')})`,
      head: ['process', 'CPU ticks', 'CPU µs', 'wake-ups'],
      rows: measured.idle.map((subject) => [
        idleTitles[subject.kind],
        String(subject.ticks),
        subject.cpuUs.toFixed(0),
        String(subject.wakeUps),
      ]),
    },
    targetsTable(report),
  ];
}
