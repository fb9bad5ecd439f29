// The figures as a page.
export const table = (heading, rows) =>
  [heading, heading.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

export const us = (value) =>
  value === undefined
    ? '-'
    : value >= 1000
      ? Math.round(value).toLocaleString('en')
      : value.toFixed(1);
const times = (value) => (value === undefined ? '-' : value.toFixed(2));

const words = {
  cyclictest: 'cyclictest, `--secaligned`',
  exclusive: '`mode: exclusive`',
  cooperative: '`mode: cooperative`',
  'exclusive-spin': '`exclusive`, `spinUs: 30`',
  'cooperative-spin': '`cooperative`, `spinUs: 30`',
  deadline: '`exclusive`, SCHED_DEADLINE, no CPU of its own',
  setInterval: '`setInterval`',
};
const titles = { idle: 'Idle', loaded: 'With stress-ng on the other CPUs' };
export function report({ machine, plan, results, drift, targets, left }) {
  const { rounds, seconds, periodUs, phaseUs, priority, cpu } = plan;
  const lines = [
    '# How late real-time ticks are',
    '',
    `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}${machine.modified ? ' with changes' : ''}, ${machine.date.slice(0, 10)}; while it ran, other processes took ${machine.others.toFixed(2)} CPUs and the hypervisor ${machine.stolen.toFixed(2)}.`,
    `${rounds} rounds of ${seconds} s, in turns; period ${periodUs} µs, ${phaseUs} µs after its multiples, FIFO ${priority}, CPU ${cpu}, cpu_dma_latency 0.`,
    'In µs: medians of the rounds; × cyclictest: median of the ratios within a round. cyclictest counts whole µs,',
    'rounded down. Written by `npm run bench:realtime`.',
    ...left.map((line) => `\n**Left out:** ${line}`),
  ];
  for (const [kind, title] of Object.entries(titles)) {
    const rows = results
      .filter((result) => result.kind === kind)
      .map(({ name, late, ratio }) => [
        words[name],
        ...[late.p50, late.p99, late.p999, late.max].map(us),
        times(ratio.p50),
        times(ratio.p99),
      ]);
    if (rows.length === 0) continue;
    const heading = ['', 'p50', 'p99', 'p99.9', 'max', 'p50 × cyclictest', 'p99 × cyclictest'];
    lines.push('', `## ${title}`, '', table(heading, rows));
  }
  lines.push(
    '',
    `## Drift over ${Math.round((plan.driftSeconds * 1e6) / periodUs).toLocaleString('en')} periods`,
    '',
    'The last thousand ticks against the first thousand, by the median of their distances from the grid; and how far',
    'the last release is from a whole number of periods after the first.',
    '',
    table(
      ['', 'drift, µs', 'off the grid, µs', 'p50 of the distance, µs'],
      drift.map(({ name, driftUs, offGridUs, late }) => [
        words[name],
        us(driftUs),
        offGridUs === undefined ? '-' : String(offGridUs),
        us(late.p50),
      ]),
    ),
    '',
    '## Targets',
    '',
    table(
      ['', 'is', 'target', ''],
      targets.map(({ what, is, target, met }) => [what, is, target, met ? 'met' : '**missed**']),
    ),
    '',
  );
  return lines.join('\n');
}
