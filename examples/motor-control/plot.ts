// Speed and error of both runs over time, as SVG: one below the other, on the same scales.
import type { Sample } from './drive.js';

export interface Run {
  readonly name: string;
  readonly samples: readonly Sample[];
}

const width = 900;
const left = 64;
const right = width - 20;
const speedHeight = 170;
const errorHeight = 70;
const runHeight = speedHeight + errorHeight + 66;
const head = 58;
const highestSpeed = 240;
const colours = { target: '#999', speed: '#2f6fa7', error: '#b5483a', step: '#c28a1f' };

export function plot(runs: readonly Run[], seconds: number, step: number): string {
  const height = head + runs.length * runHeight + 10;
  const x = (time: number): number => left + (time / seconds) * (right - left);
  // Beyond that a line is cut: one bad error would make all others invisible.
  const largest = 20;
  const parts = runs.flatMap(({ name, samples }, index) => {
    const top = head + index * runHeight + 22;
    const bottom = top + speedHeight;
    const middle = bottom + 16 + errorHeight / 2;
    const speedY = (speed: number): number =>
      bottom - (Math.min(highestSpeed, Math.max(0, speed)) / highestSpeed) * speedHeight;
    const errorY = (error: number): number =>
      middle - (Math.min(largest, Math.max(-largest, error)) / largest) * (errorHeight / 2);
    const line = (colour: string, y: (sample: Sample) => number, dash = ''): string =>
      `<path d="${pathOf(samples, seconds, x, y)}" fill="none" stroke="${colour}" stroke-width="1.2" stroke-linejoin="round"${dash}/>`;
    return [
      `<text x="${left}" y="${top - 8}" font-weight="600" fill="#222">${name}</text>`,
      ...[0, 100, 200].map((speed) => rule(speedY(speed), String(speed))),
      ...[-largest, 0, largest].map((error) => rule(errorY(error), String(error))),
      `<path d="M${x(step).toFixed(1)} ${top}V${middle + errorHeight / 2}" stroke="${colours.step}" stroke-dasharray="4 3"/>`,
      line(colours.target, ({ target }) => speedY(target), ' stroke-dasharray="5 3"'),
      line(colours.speed, ({ speed }) => speedY(speed)),
      line(colours.error, ({ target, speed }) => errorY(target - speed)),
    ];
  });
  const last = height - 12;
  const ticks = Array.from({ length: Math.floor(seconds * 2) + 1 }, (_, i) => i / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="12" fill="#555">`,
    '<title>A PID loop at 1 kHz on a simulated DC motor</title>',
    `<rect width="${width}" height="${height}" rx="6" fill="#fff"/>`,
    `<text x="${left}" y="26" font-size="15" font-weight="600" fill="#222">A PID loop at 1 kHz on a simulated DC motor</text>`,
    legend(),
    ...parts,
    ...ticks.map(
      (time) => `<text x="${x(time).toFixed(1)}" y="${last}" text-anchor="middle">${time} s</text>`,
    ),
    '</svg>',
    '',
  ].join('\n');
}

function rule(y: number, label: string): string {
  return `<path d="M${left} ${y.toFixed(1)}H${right}" stroke="#e8e8e8"/><text x="${left - 8}" y="${(y + 4).toFixed(1)}" text-anchor="end">${label}</text>`;
}

function legend(): string {
  const entries = [
    ['target, rad/s', colours.target],
    ['speed, rad/s', colours.speed],
    ['error, rad/s', colours.error],
    ['the load grows', colours.step],
  ] as const;
  return entries
    .map(([text, colour], i) => {
      const at = left + i * 140;
      return `<path d="M${at} 44h18" stroke="${colour}" stroke-width="2"/><text x="${at + 24}" y="48">${text}</text>`;
    })
    .join('');
}

/** Of each column of pixels the lowest and the highest value: no spike is lost, and no file is large. */
function pathOf(
  samples: readonly Sample[],
  seconds: number,
  x: (time: number) => number,
  y: (sample: Sample) => number,
): string {
  const columns = new Map<number, { low: number; high: number; first: number; last: number }>();
  for (const sample of samples) {
    if (sample.time > seconds) break;
    const at = Math.round(x(sample.time));
    const value = y(sample);
    const column = columns.get(at);
    if (column === undefined)
      columns.set(at, { low: value, high: value, first: value, last: value });
    else {
      column.low = Math.min(column.low, value);
      column.high = Math.max(column.high, value);
      column.last = value;
    }
  }
  const points = [...columns].flatMap(([at, { first, low, high, last }]) =>
    [...new Set([first, low, high, last])].map((value) => `${at} ${value.toFixed(1)}`),
  );
  return points.length === 0 ? '' : `M${points.join('L')}`;
}
