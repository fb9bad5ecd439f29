// The step load as a picture: rate, size of batches and delay over time, one above the other.
const width = 720;
const left = 64;
const right = width - 16;
const rowHeight = 130;
const top = 40;

const colours = ['#777', '#1b6ca8', '#b5442e'];

/** `rows`: [{ title, points: [[ms, value]], bound? }], all over the same time. */
export function plot(title, subtitle, rows, endMs) {
  const height = top + rows.length * rowHeight + 40;
  const x = (ms) => left + (ms / endMs) * (right - left);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="#333">`,
    `<rect width="${width}" height="${height}" rx="4" fill="#fff"/>`,
    `<text x="12" y="18" font-weight="600">${title}</text>`,
    `<text x="12" y="32" fill="#777">${subtitle}</text>`,
  ];
  for (const [index, { title: name, points, bound }] of rows.entries()) {
    const base = top + (index + 1) * rowHeight;
    const roof = base - rowHeight + 26;
    const most = Math.max(bound ?? 0, ...points.map(([, value]) => value), 1e-9);
    const y = (value) => base - (value / most) * (base - roof);
    parts.push(
      `<text x="${left}" y="${roof - 8}" font-weight="600">${name}</text>`,
      `<path d="M${left} ${base}H${right}" stroke="#999"/>`,
      `<text x="${left - 6}" y="${roof + 4}" text-anchor="end" fill="#777">${round(most)}</text>`,
      `<text x="${left - 6}" y="${base + 4}" text-anchor="end" fill="#777">0</text>`,
    );
    // A dot is a line of no length with round ends.
    const dots = points.map(([ms, value]) => `M${x(ms).toFixed(1)} ${y(value).toFixed(1)}h0`);
    parts.push(
      `<path d="${dots.join('')}" stroke="${colours[index]}" stroke-width="2.4" stroke-linecap="round"/>`,
    );
    if (bound !== undefined) {
      const at = y(bound).toFixed(1);
      parts.push(
        `<path d="M${left} ${at}H${right}" stroke="${colours[index]}" stroke-dasharray="4 3"/>`,
      );
    }
  }
  for (let ms = 0; ms <= endMs; ms += 250) {
    parts.push(
      `<text x="${x(ms)}" y="${height - 14}" text-anchor="middle" fill="#777">${ms}</text>`,
    );
  }
  return [...parts, '</svg>', ''].join('\n');
}

function round(value) {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(2));
}
