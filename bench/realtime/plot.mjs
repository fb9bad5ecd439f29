// Which part of the ticks was later than so many µs: a panel idle, a panel loaded, both axes logarithmic.
const width = 720;
const left = 58;
const right = width - 150;
const top = 66;
const panelHeight = 230;
const lowest = 1e-5;
const farthest = 1e7;

const colours = {
  cyclictest: '#333',
  exclusive: '#1b6ca8',
  cooperative: '#2e8b57',
  'exclusive-spin': '#7a4fb5',
  'cooperative-spin': '#c07cc9',
  deadline: '#d08a1d',
  setInterval: '#b5442e',
};

const x = (us) => left + (Math.log10(us) / Math.log10(farthest)) * (right - left);
const axis = [
  [1, '1 µs'],
  [10, '10'],
  [100, '100'],
  [1e3, '1 ms'],
  [1e4, '10'],
  [1e5, '100'],
  [1e6, '1 s'],
  [1e7, '10'],
];
const shares = [
  [1, 'all'],
  [0.1, '10 %'],
  [0.01, '1 %'],
  [0.001, '0.1 %'],
  [0.0001, '0.01 %'],
];

/** A line of [later than, part of the ticks]. */
function tail(histogram) {
  const count = histogram.reduce((sum, [, times]) => sum + times, 0);
  const points = [];
  let above = count;
  for (const [us, times] of histogram) {
    points.push([Math.max(1, us), above / count]);
    above -= times;
  }
  return points;
}

function panel(y0, title, results) {
  const y = (part) => y0 + 26 + (Math.log10(part) / Math.log10(lowest)) * (panelHeight - 60);
  const bottom = y(lowest);
  const parts = [`<text x="12" y="${y0 + 14}" font-weight="600">${title}</text>`];
  for (const [us, label] of axis) {
    parts.push(
      `<path d="M${x(us).toFixed(1)} ${y(1)}V${bottom}" stroke="#eee"/>`,
      `<text x="${x(us).toFixed(1)}" y="${bottom + 14}" text-anchor="middle" fill="#777">${label}</text>`,
    );
  }
  for (const [part, label] of shares) {
    parts.push(
      `<path d="M${left} ${y(part).toFixed(1)}H${right}" stroke="#ddd"/>`,
      `<text x="${left - 6}" y="${(y(part) + 4).toFixed(1)}" text-anchor="end" fill="#777">${label}</text>`,
    );
  }
  for (const [index, { name, histogram, late }] of results.entries()) {
    let line = '';
    for (const [us, part] of tail(histogram)) {
      const at = x(Math.min(us, farthest)).toFixed(1);
      line += line === '' ? `M${at} ${y(part).toFixed(1)}` : `H${at}V${y(part).toFixed(1)}`;
    }
    // The latest of all: from there on there is none.
    line += `V${bottom}`;
    const row = y(1) + 4 + index * 25;
    parts.push(
      `<path d="${line}" fill="none" stroke="${colours[name]}" stroke-width="1.5"/>`,
      `<path d="M${right + 12} ${row - 4}h14" stroke="${colours[name]}" stroke-width="3"/>`,
      `<text x="${right + 32}" y="${row}">${name}</text>`,
      `<text x="${right + 32}" y="${row + 11}" fill="#777" font-size="9">p50 ${short(late.p50)}, p99 ${short(late.p99)} µs</text>`,
    );
  }
  return parts;
}

const short = (us) => (us >= 1000 ? Math.round(us).toLocaleString('en') : us.toFixed(1));

export function plot(panels, note) {
  const height = top + panels.length * panelHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="#333">`,
    `<rect width="${width}" height="${height}" rx="4" fill="#fff"/>`,
    '<text x="12" y="18" font-weight="600">How far ticks are from the ideal grid</text>',
    '<text x="12" y="34" fill="#777">which part of all ticks was at least so late; the more to the left, the better</text>',
    `<text x="12" y="50" fill="#777">${note}</text>`,
    ...panels.flatMap(([title, results], index) =>
      panel(top + index * panelHeight, title, results),
    ),
    '</svg>',
    '',
  ].join('\n');
}
