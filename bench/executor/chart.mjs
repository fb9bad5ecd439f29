// The chart of a run: every contender, tasks a second by workload and the latency of an empty task,
// on logarithmic scales. Plain SVG that takes its colours from the reader's light or dark scheme.

const width = 860;
const left = 130;
const right = 70;
const rowHeight = 22;
const plot = width - left - right;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .grid { stroke: #d1d9e0 }
  .bar { fill: #8c959f } .own { fill: #0969da } .tail { stroke: #8c959f } .own.tail { stroke: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
    .bar { fill: #6e7681 } .own { fill: #58a6ff } .tail { stroke: #6e7681 } .own.tail { stroke: #58a6ff }
  }`;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const short = (value) =>
  value >= 1e6
    ? `${+(value / 1e6).toPrecision(3)} M`
    : value >= 1e3
      ? `${+(value / 1e3).toPrecision(3)} k`
      : `${+value.toPrecision(3)}`;

/** Powers of ten around all values, and where a value lies among them. */
function logScale(values) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  const at = (value) => left + ((Math.log10(value) - low) / (high - low)) * plot;
  return { ticks, at };
}

/** Rows: [name, value, tail or undefined]. A tail is drawn as a line from the value. */
function panel(y, title, unit, rows) {
  const { ticks, at } = logScale(rows.flatMap(([, value, tail]) => [value, tail ?? value]));
  const top = y + 30;
  const bottom = top + rows.length * rowHeight;
  const parts = [`<text class="title" x="0" y="${y + 16}">${escape(title)}</text>`];
  for (const tick of ticks) {
    const x = at(tick).toFixed(1);
    parts.push(
      `<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>`,
      `<text class="small" x="${x}" y="${bottom + 14}" text-anchor="middle">${short(tick)}</text>`,
    );
  }
  parts.push(`<text class="small" x="${width}" y="${y + 16}" text-anchor="end">${unit}</text>`);
  for (const [index, [name, value, tail]] of rows.entries()) {
    const middle = top + (index + 0.5) * rowHeight;
    const own = name.startsWith('moirai') ? ' own' : '';
    const end = at(value);
    parts.push(
      `<text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>`,
      `<rect class="bar${own}" x="${left}" y="${middle - 7}" width="${(end - left).toFixed(1)}" height="14" rx="2"/>`,
    );
    if (tail !== undefined) {
      parts.push(
        `<line class="tail${own}" x1="${end.toFixed(1)}" x2="${at(tail).toFixed(1)}" y1="${middle}" y2="${middle}" stroke-width="3"/>`,
      );
    }
    const label = tail === undefined ? short(value) : `${short(value)} – ${short(tail)}`;
    const labelAt = Math.max(end, tail === undefined ? end : at(tail)) + 5;
    parts.push(`<text class="small" x="${labelAt.toFixed(1)}" y="${middle + 4}">${label}</text>`);
  }
  return { parts, height: bottom + 34 - y };
}

export function chart({ results, machine }) {
  const rows = (key, number, tail) =>
    Object.entries(results[key]).map(([name, result]) => [
      name,
      result[number].median,
      tail === undefined ? undefined : result[tail].median,
    ]);
  const perSecond = 'tasks/s, longer is better';
  const panels = [
    [
      'Empty task, one after the other: p50, and a line to p99',
      'µs, shorter is better',
      rows('empty/rates/1', 'p50', 'p99'),
    ],
    ['Empty task, 64 in flight', perSecond, rows('empty/rates/1', 'rate64')],
    ['Empty task, 10,000 in flight', perSecond, rows('empty/rates/1', 'rate10000')],
    ['Object of five fields, 64 in flight', perSecond, rows('object/rates/1', 'rate64')],
    ['64 KiB in and out, 64 in flight', perSecond, rows('bytes/rates/1', 'rate64')],
    ['1 MiB by SharedArrayBuffer, 64 in flight', perSecond, rows('shared/rates/1', 'rate64')],
    ['Await of 1 ms, 1,000 in flight', perSecond, rows('sleep/rates/1', 'rate1000')],
    [
      'Burst of 1,000: p50, and a line to p99',
      'ms, shorter is better',
      rows('empty/bursts/1', 'p50', 'p99'),
    ],
  ];
  const body = [];
  let y = 0;
  for (const [title, unit, content] of panels) {
    const { parts, height } = panel(y, title, unit, content);
    body.push(...parts);
    y += height;
  }
  const note = `One worker; logarithmic scales. ${machine.cpu}, Node ${machine.node}, commit ${machine.commit}${machine.modified ? ' with changes' : ''}, ${machine.date.slice(0, 10)}.`;
  body.push(`<text class="small" x="0" y="${y + 4}">${escape(note)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 ${width + 20} ${y + 30}" role="img" aria-label="Executor benchmark">`,
    `<style>${style}\n</style>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}
