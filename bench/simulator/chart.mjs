// Charts of simulated runs: lines of efficiency over the size of tasks, and bars for each machine and
// pattern. Plain SVG that takes its colours from the reader's light or dark scheme.
const width = 860;
const left = 150;
const right = 80;
const plot = width - left - right;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .grid { stroke: #d1d9e0 } .aim { stroke: #59636e; stroke-dasharray: 4 3 }
  .real { fill: #0969da; stroke: #0969da } .random { fill: #8c959f; stroke: #8c959f }
  .shared { fill: #bf8700; stroke: #bf8700 }
  polyline.real, polyline.random, polyline.shared { fill: none; stroke-width: 2 }
  rect { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
    .real { fill: #58a6ff; stroke: #58a6ff } .random { fill: #6e7681; stroke: #6e7681 }
    .shared { fill: #d29922; stroke: #d29922 }
  }`;

const names = { real: 'moirai', random: 'random stealing', shared: 'one shared queue' };
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function document(parts, height, label) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 ${width + 20} ${height + 20}" role="img" aria-label="${escape(label)}">`,
    `<style>${style}\n</style>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function legend(y) {
  return Object.entries(names).flatMap(([way, name], index) => [
    `<rect class="${way}" x="${left + index * 170}" y="${y - 9}" width="10" height="10"/>`,
    `<text class="small" x="${left + index * 170 + 15}" y="${y}">${name}</text>`,
  ]);
}

/** Panels: [title, { way: [[taskUs, efficiency], …] }]. */
export function sizesChart(panels, note) {
  const parts = [];
  const height = 190;
  let y = 0;
  for (const [title, lines] of panels) {
    const sizes = [...new Set(Object.values(lines).flatMap((line) => line.map(([us]) => us)))];
    const low = Math.log(Math.min(...sizes));
    const span = Math.log(Math.max(...sizes)) - low;
    const x = (us) => left + ((Math.log(us) - low) / span) * plot;
    const top = y + 30;
    const bottom = top + height;
    const at = (part) => bottom - part * height;
    parts.push(`<text class="title" x="0" y="${y + 16}">${escape(title)}</text>`);
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      parts.push(
        `<line class="grid" x1="${left}" x2="${left + plot}" y1="${at(part)}" y2="${at(part)}"/>`,
        `<text class="small" x="${left - 8}" y="${at(part) + 4}" text-anchor="end">${part * 100} %</text>`,
      );
    }
    parts.push(
      `<line class="aim" x1="${left}" x2="${left + plot}" y1="${at(0.95)}" y2="${at(0.95)}"/>`,
      `<text class="small" x="${left + plot + 6}" y="${at(0.95) + 4}">95 %</text>`,
    );
    for (const us of sizes) {
      parts.push(
        `<text class="small" x="${x(us).toFixed(1)}" y="${bottom + 15}" text-anchor="middle">${us} µs</text>`,
      );
    }
    for (const [way, line] of Object.entries(lines)) {
      const points = line.map(([us, part]) => `${x(us).toFixed(1)},${at(part).toFixed(1)}`);
      parts.push(`<polyline class="${way}" points="${points.join(' ')}"/>`);
    }
    y = bottom + 40;
  }
  parts.push(...legend(y), `<text class="small" x="0" y="${y + 22}">${escape(note)}</text>`);
  return document(parts, y + 30, 'Simulated efficiency by size of tasks');
}

/** Panels: [title, unit, [[name, { way: value }], …]]. */
export function barsChart(panels, note) {
  const parts = [];
  let y = 0;
  for (const [title, unit, rows] of panels) {
    const most = Math.max(...rows.flatMap(([, values]) => Object.values(values)), 1e-9);
    parts.push(
      `<text class="title" x="0" y="${y + 16}">${escape(title)}</text>`,
      `<text class="small" x="${width}" y="${y + 16}" text-anchor="end">${escape(unit)}</text>`,
    );
    y += 30;
    for (const [name, values] of rows) {
      const ways = Object.entries(values);
      parts.push(
        `<text x="${left - 8}" y="${y + ways.length * 5 + 4}" text-anchor="end">${escape(name)}</text>`,
      );
      for (const [way, value] of ways) {
        const length = ((value / most) * plot).toFixed(1);
        parts.push(
          `<rect class="${way}" x="${left}" y="${y}" width="${length}" height="9"/>`,
          `<text class="small" x="${(left + Number(length) + 5).toFixed(1)}" y="${y + 9}">${+value.toPrecision(3)}</text>`,
        );
        y += 11;
      }
      y += 8;
    }
    y += 12;
  }
  parts.push(...legend(y), `<text class="small" x="0" y="${y + 22}">${escape(note)}</text>`);
  return document(parts, y + 30, 'Simulated machines');
}
