// Who ran, waited and held the mutex, over the time of one round; without inheritance above, with it below.
const width = 720;
const left = 92;
const right = width - 16;
const laneHeight = 34;
const panelHeight = 3 * laneHeight + 46;
const top = 62;
const endMs = 50;

const colours = { runs: '#1b6ca8', waits: '#b5442e', holds: '#e3c567' };
const legend = [
  ['runs', 'has the CPU'],
  ['holds', 'holds the mutex'],
  ['waits', 'waits for it'],
];

const x = (ms) => left + (ms / endMs) * (right - left);

function bar({ kind, fromMs, toMs }, lane) {
  const shapes = { holds: [6, 20], runs: [10, 12], waits: [14, 4] };
  const [offset, height] = shapes[kind];
  const length = Math.max(1, x(Math.min(toMs, endMs)) - x(fromMs));
  return `<rect x="${x(fromMs).toFixed(1)}" y="${lane + offset}" width="${length.toFixed(1)}" height="${height}" rx="1.5" fill="${colours[kind]}"/>`;
}

/** One of the two: three lanes, the highest priority above. */
function panel(y, title, { timeline }, threads) {
  const parts = [`<text x="12" y="${y + 14}" font-weight="600">${title}</text>`];
  for (const [index, [name, { priority, phaseUs }]] of Object.entries(threads).entries()) {
    const lane = y + 22 + index * laneHeight;
    const at = x(phaseUs / 1000).toFixed(1);
    parts.push(
      `<path d="M${left} ${lane + 16}H${right}" stroke="#ddd"/>`,
      `<text x="12" y="${lane + 15}">${name}</text>`,
      `<text x="12" y="${lane + 27}" fill="#777" font-size="10">FIFO ${priority}</text>`,
      // Released.
      `<path d="M${at} ${lane + 32}v-28m-3 4l3 -4l3 4" stroke="#333" fill="none"/>`,
    );
    // What is held lies below, what ran on top of it.
    for (const kind of ['holds', 'waits', 'runs']) {
      const own = timeline.filter((entry) => entry.thread === name && entry.kind === kind);
      parts.push(...own.map((entry) => bar(entry, lane)));
    }
  }
  return parts;
}

export function plot({ plain, inheriting, threads, rounds, workMs }) {
  const height = top + 2 * panelHeight + 26;
  const waited = ({ highWaitsMs }) =>
    `high waits ${highWaitsMs.median.toFixed(1)} ms (median of ${rounds}; at most ${highWaitsMs.max.toFixed(1)})`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="#333">`,
    `<rect width="${width}" height="${height}" rx="4" fill="#fff"/>`,
    '<text x="12" y="18" font-weight="600">Priority inversion: three threads on one CPU</text>',
    `<text x="12" y="32" fill="#777">low holds a mutex for ${workMs.low} ms of work, high wants it, middle computes for ${workMs.middle} ms; arrows: released; the round of the median wait</text>`,
  ];
  for (const [index, [kind, text]] of legend.entries()) {
    const at = left + index * 130;
    parts.push(
      `<rect x="${at}" y="42" width="14" height="9" rx="1.5" fill="${colours[kind]}"/>`,
      `<text x="${at + 20}" y="50">${text}</text>`,
    );
  }
  parts.push(
    ...panel(top, `Mutex: ${waited(plain)}`, plain, threads),
    ...panel(
      top + panelHeight,
      `Mutex with priorityInheritance: ${waited(inheriting)}`,
      inheriting,
      threads,
    ),
  );
  for (let ms = 0; ms <= endMs; ms += 10) {
    const at = x(ms).toFixed(1);
    parts.push(
      `<text x="${at}" y="${height - 12}" text-anchor="middle" fill="#777">${ms} ms</text>`,
    );
  }
  return [...parts, '</svg>', ''].join('\n');
}
