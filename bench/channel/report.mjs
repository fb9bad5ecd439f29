// What the figures say: the targets, and the tables of channel.md.

const rate = (perSecond) => (perSecond / 1e6).toFixed(2);

/** Each target with what was found: [what, found, wanted], as ratios or millions a second. */
export function verdicts({ throughput, native }) {
  const js = (name) => throughput[name];
  // So many a second, or so much of what the ring in C++ does.
  const single = native === undefined ? 0 : js('numbers, spsc') / native['Spsc/moirai'];
  const rows = [
    [
      '64-byte structs in place / objects by MessagePort',
      js('structs of 64 bytes in place, spsc') / js('objects of 9 fields, MessagePort'),
      10,
    ],
    [
      'numbers one by one, M/s, or 0.1 of the ring in C++',
      js('numbers, spsc') / 1e6,
      15,
      single >= 0.1,
    ],
  ];
  if (native !== undefined) {
    const ratio = (name, peer) => native[`${name}/moirai`] / native[`${name}/${peer}`];
    rows.push(
      [
        'numbers in batches / the same ring in C++',
        js('numbers in batches, spsc') / native['SpscBatch/moirai'],
        0.6,
      ],
      ['C++, 1 to 1, one by one / boost', ratio('Spsc', 'boost'), 1],
      ['C++, 1 to 1, one by one / moodycamel', ratio('Spsc', 'moodycamel'), 1],
      ['C++, 1 to 1, in batches / boost', ratio('SpscBatch', 'boost'), 1],
      ['C++, many, one and one / moodycamel', ratio('Mpmc1', 'moodycamel'), 1],
      ['C++, many, two and two / moodycamel', ratio('Mpmc2', 'moodycamel'), 1],
    );
  }
  return rows.map(([what, found, wanted, otherwise = false]) => ({
    what,
    found: Number(found.toFixed(3)),
    wanted,
    met: found >= wanted || otherwise,
  }));
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

export function markdown(report) {
  const { machine, rounds, busy, spread } = report;
  const withSpread = (name, value) => {
    const [least, most] = spread[name];
    return [name, rate(value), `${rate(least)} to ${rate(most)}`];
  };
  const parts = [
    '# Channels between two threads',
    `Millions of messages a second, from JavaScript to JavaScript: medians of ${rounds} rounds, least to most.
Each contender and round is a process of its own, the two threads bound to two CPUs, rounds interleaved.
Written by \`npm run bench:channel\`.`,
    table(
      ['', 'M/s', 'least to most'],
      Object.entries(report.throughput).map(([name, value]) => withSpread(name, value)),
    ),
    '## Rings in C++, in the same rounds',
    report.native === undefined
      ? `Left out: ${report.nativeLeftOut}.`
      : table(
          ['messages of 8 bytes', 'M/s', 'least to most'],
          Object.entries(report.native).map(([name, value]) => withSpread(name, value)),
        ),
    '## There and back, µs',
    table(
      ['', 'both awake: p50', 'p99', 'both asleep: p50', 'p99'],
      Object.keys(report.spinning).map((name) => {
        const { [name]: awake } = report.spinning;
        const asleep = report.parked[name];
        return [name, awake.p50, awake.p99, asleep?.p50 ?? '', asleep?.p99 ?? ''];
      }),
    ),
    '## Targets',
    table(
      ['', 'found', 'wanted', ''],
      report.verdicts.map(({ what, found, wanted, met }) => [
        what,
        found.toFixed(2),
        `≥ ${wanted}`,
        met ? 'met' : 'missed',
      ]),
    ),
    `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, ${Object.entries(
      machine.versions,
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(
        ', ',
      )}, commit ${machine.commit}. While it ran, other processes took ${busy.others.toFixed(2)} CPUs and the
hypervisor ${busy.stolen.toFixed(3)}.`,
  ];
  return `${parts.join('\n\n')}\n`;
}
