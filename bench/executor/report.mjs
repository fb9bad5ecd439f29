// From the rounds' numbers to medians, ratios, verdicts, and the same tables as text and as Markdown.
import { median } from '../machine.mjs';
import { workloads } from './workloads.mjs';

const own = 'moirai run';
const rival = 'piscina';
const port = 'MessagePort';

/** The same number of each round: its median and how far it went. */
function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function summarize({ rounds, oneCpu, idle }) {
  const results = {};
  for (const workload of Object.keys(workloads)) {
    results[workload] = {};
    for (const contender of Object.keys(rounds[0][workload])) {
      const of = (get) => spread(rounds.map((round) => get(round[workload][contender])));
      const ratio = (base, window) =>
        spread(
          rounds.map((round) => {
            const rates = [contender, base].map((name) => round[workload][name].perSecond[window]);
            return rates[0] / rates[1];
          }),
        );
      const windows = Object.keys(rounds[0][workload][contender].perSecond);
      const byWindow = (get) => Object.fromEntries(windows.map((window) => [window, get(window)]));
      results[workload][contender] = {
        p50: of((result) => result.latency.p50),
        p99: of((result) => result.latency.p99),
        p999: of((result) => result.latency.p999),
        perSecond: byWindow((window) => of((result) => result.perSecond[window])),
        timesPiscina: byWindow((window) => ratio(rival, window)),
        timesMessagePort: byWindow((window) => ratio(port, window)),
        threads: rounds[0][workload][contender].threads,
      };
    }
  }
  const onOneCpu = Object.fromEntries(
    Object.keys(oneCpu[0]).map((contender) => {
      const of = (key) => spread(oneCpu.map((round) => round[contender][key]));
      return [contender, { p50: of('p50'), p99: of('p99'), p999: of('p999') }];
    }),
  );
  return { results, onOneCpu, verdicts: judge({ results, rounds, oneCpu, idle }) };
}

function judge({ results, rounds, oneCpu, idle }) {
  const { empty, object } = results;
  const latency = (round, name) => round.empty[name].latency.p50;
  const ofPiscina = median(rounds.map((round) => latency(round, own) / latency(round, rival)));
  const oneCpuRatio = median(oneCpu.map((round) => round[own].p50 / round[port].p50));
  const ticks = (kind) => idle.find((subject) => subject.kind === kind).ticks;
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
  return [
    atLeast('empty, 64 in flight, of piscina', empty[own].timesPiscina[64].median, 20),
    atLeast('empty, 10,000 in flight, of piscina', empty[own].timesPiscina[10_000].median, 20),
    atLeast('empty, 64 in flight, of MessagePort', empty[own].timesMessagePort[64].median, 4),
    atLeast(
      'empty, 10,000 in flight, of MessagePort',
      empty[own].timesMessagePort[10_000].median,
      4,
    ),
    atLeast('object, 64 in flight, of piscina', object[own].timesPiscina[64].median, 8),
    atLeast('object, 10,000 in flight, of piscina', object[own].timesPiscina[10_000].median, 8),
    atMost('empty, one after the other, p50', empty[own].p50.median, 2, 'µs'),
    atMost('empty, one after the other, p99', empty[own].p99.median, 5, 'µs'),
    atMost("empty, one after the other, p50 of piscina's", ofPiscina, 0.1, '×'),
    atMost("all on one CPU, p50 of MessagePort's", oneCpuRatio, 1, '×'),
    atMost('idle, 8 workers', ticks('executor'), 0, 'ticks'),
    atMost('idle, 10,000 tasks awaiting a timer', ticks('timers'), 0, 'ticks'),
  ];
}

const us = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const rate = (value) =>
  value >= 1e6
    ? `${(value / 1e6).toFixed(2)} M`
    : `${(value / 1e3).toFixed(value < 100_000 ? 1 : 0)} k`;
const times = (value) => value.toFixed(value < 10 ? 2 : 1);

/** Every table of the report: { title, head, rows }, cells as they are printed. */
function tables(report) {
  const perWorkload = Object.entries(workloads).map(([workload, { title }]) => ({
    title,
    head: [
      'one worker',
      'p50 µs',
      'p99 µs',
      'p99.9 µs',
      'tasks/s, 1 in flight',
      '64',
      '10,000',
      '× piscina at 64',
      'at 10,000',
      '× MessagePort at 64',
      'at 10,000',
    ],
    rows: Object.entries(report.results[workload]).map(([contender, result]) => [
      contender,
      ...[result.p50, result.p99, result.p999].map((value) => us(value.median)),
      ...Object.values(result.perSecond).map((value) => rate(value.median)),
      ...[result.timesPiscina, result.timesMessagePort].flatMap((ratios) =>
        [64, 10_000].map((window) => times(ratios[window].median)),
      ),
    ]),
  }));
  return [
    ...perWorkload,
    {
      title: 'Everything on one CPU, empty task, one after the other',
      head: ['one worker', 'p50 µs', 'p99 µs', 'p99.9 µs'],
      rows: Object.entries(report.onOneCpu).map(([contender, result]) => [
        contender,
        ...[result.p50, result.p99, result.p999].map((value) => us(value.median)),
      ]),
    },
    {
      title: `Idle for ${report.method.idleSeconds} s, 8 workers (node ${report.method.idleFlags.join(' ')})`,
      head: ['process', 'CPU ticks', 'CPU µs', 'wake-ups'],
      rows: report.measured.idle.map((subject) => [
        idleTitles[subject.kind],
        String(subject.ticks),
        subject.cpuUs.toFixed(0),
        String(subject.wakeUps),
      ]),
    },
    {
      title: report.method.quick ? 'Targets (a quick run judges nothing)' : 'Targets',
      head: ['what', 'measured', 'target', 'verdict'],
      rows: report.verdicts.map(({ what, value, unit, target, met }) => [
        what,
        `${unit === 'ticks' ? value : value.toFixed(2)} ${unit}`,
        `${target} ${unit}`,
        report.method.quick ? '-' : met ? 'met' : 'missed',
      ]),
    },
  ];
}

const idleTitles = {
  executor: 'executor with nothing to do',
  timers: 'executor, 10,000 tasks awaiting a timer',
  bare: 'no executor: 8 bare Workers, 10,000 timers',
};

function caption({ machine, method }) {
  const { versions } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const commit = `${machine.commit}${machine.modified ? ' with changes' : ''}`;
  return [
    `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}; ${peers.join(', ')}; commit ${commit}; ${machine.date.slice(0, 10)}.`,
    `Medians of ${method.rounds} interleaved round${method.rounds === 1 ? '' : 's'}, each contender in a process of its own.`,
  ];
}

function placement({ method, results }) {
  if (method.cpus === null) return ['Only one CPU: main thread and workers share it.'];
  const { main, worker } = method.cpus;
  const astray = Object.entries(results.empty)
    .filter(
      ([, { threads }]) => threads.main !== `${main}` || !threads.others.includes(`${worker}`),
    )
    .map(([contender, { threads }]) => `${contender} (main ${threads.main}, ${threads.others})`);
  return [
    `Main thread on CPU ${main}, worker on CPU ${worker}; V8's helper threads are not pinned.`,
    astray.length === 0 ? 'No contender was placed otherwise.' : `Not so: ${astray.join('; ')}.`,
  ];
}

function load({ measured }) {
  const others = measured.rounds.map((round) => round.load.others);
  return `While it ran, other processes took ${median(others).toFixed(2)} CPUs (at most ${Math.max(...others).toFixed(2)} in a round).`;
}

export function text(report) {
  const lines = [...caption(report), ...placement(report), load(report), ''];
  for (const { title, head, rows } of tables(report)) {
    const widths = head.map((_, column) =>
      Math.max(...[head, ...rows].map((row) => row[column].length)),
    );
    const line = (row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
        )
        .join('  ');
    lines.push(title, line(head), ...rows.map(line), '');
  }
  return lines.join('\n');
}

export function markdown(report) {
  const notes = Object.entries(report.contenders).filter(([, note]) => note !== '');
  const lines = ['# Executor benchmark', '', 'Made by `npm run bench`.', ''];
  lines.push(caption(report).join('\n'), placement(report).join('\n'), load(report), '');
  for (const { title, head, rows } of tables(report)) {
    const line = (row) => `| ${row.join(' | ')} |`;
    const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
    lines.push(`## ${title}`, '', line(head), line(rule), ...rows.map(line), '');
  }
  lines.push('## Contenders', '', ...notes.map(([name, note]) => `- ${name}: ${note}.`), '');
  return lines.join('\n');
}
