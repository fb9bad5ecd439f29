// A histogram as a picture: columns on a logarithmic axis, percentiles marked.

const width = 560;
const height = 216;
const left = 14;
const right = width - 14;
const bottom = height - 30;
const columnWidth = 7;
/** Of the labels of percentiles, above the columns. */
const firstRow = 62;
const rowHeight = 14;
/** Of one letter of a label, about: text cannot be measured here. */
const letterWidth = 6.3;

/** What of a histogram is drawn. */
export interface Drawable {
  readonly unit: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly buckets: readonly {
    readonly from: number;
    readonly to: number;
    readonly count: number;
  }[];
  percentile(percent: number): number;
}

export function histogramSvg(histogram: Drawable, title: string): string {
  const heading = histogram.count === 0 ? 'no values' : summary(histogram);
  const lines = title === '' ? [heading] : [title, heading];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="#555">`,
    `<title>${escapeText(lines.join(': '))}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#fff"/>`,
    ...(title === ''
      ? []
      : [
          `<text x="${left}" y="22" font-size="13" font-weight="600" fill="#222">${escapeText(title)}</text>`,
        ]),
    `<text x="${left}" y="${title === '' ? 22 : 40}">${escapeText(heading)}</text>`,
    ...(histogram.count === 0 ? [] : body(histogram)),
    `<path d="M${left} ${bottom}H${right}" stroke="#999"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function summary({ count, min, mean, max, unit }: Drawable): string {
  const range = `${short(min)} to ${short(max)} ${unit}`;
  return `${count.toLocaleString('en')} values, ${range}, mean ${short(mean)} ${unit}`;
}

function body(histogram: Drawable): string[] {
  const { buckets } = histogram;
  const smallest = buckets.find(({ from }) => from > 0)?.from ?? buckets[0]?.to ?? 1;
  // Whole decades, two at least: a picture of one value is a column and not a wall.
  const low = Math.floor(Math.log10(smallest));
  const high = Math.max(low + 1, Math.ceil(Math.log10(buckets.at(-1)?.to ?? 10)));
  const x = (value: number): number => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return left + Math.min(1, share) * (right - left);
  };
  const marks = marksOf(histogram, x);
  const top = firstRow + rowHeight * Math.max(...marks.map(({ row }) => row)) + 8;
  return [
    ...axis(low, high, x, top, histogram.unit),
    ...columns(histogram, x, top),
    ...marks.flatMap(({ at, row, text, end }) => {
      const y = firstRow + row * rowHeight;
      const anchor = end ? ' text-anchor="end"' : '';
      return [
        `<path d="M${at.toFixed(1)} ${y - 9}V${bottom}" stroke="#b5483a" stroke-dasharray="3 2"/>`,
        `<text x="${(at + (end ? -4 : 4)).toFixed(1)}" y="${y}"${anchor} fill="#b5483a">${text}</text>`,
      ];
    }),
  ];
}

/** Decades with their values, and between them what is 2 to 9 times as much. */
function axis(
  low: number,
  high: number,
  x: (value: number) => number,
  top: number,
  unit: string,
): string[] {
  const parts: string[] = [];
  for (let decade = low; decade <= high; decade++) {
    const at = x(10 ** decade).toFixed(1);
    const anchor = decade === low ? 'start' : decade === high ? 'end' : 'middle';
    parts.push(
      `<path d="M${at} ${top}V${bottom + 5}" stroke="#e4e4e4"/>`,
      `<text x="${at}" y="${bottom + 18}" text-anchor="${anchor}">${short(10 ** decade)} ${escapeText(unit)}</text>`,
    );
    if (decade === high) continue;
    const between = [2, 3, 4, 5, 6, 7, 8, 9].map(
      (times) => `M${x(times * 10 ** decade).toFixed(1)} ${bottom}v3`,
    );
    parts.push(`<path d="${between.join('')}" stroke="#bbb"/>`);
  }
  return parts;
}

interface Mark {
  readonly at: number;
  readonly text: string;
  /** The label ends at its line, so that it does not leave the picture. */
  readonly end: boolean;
  /** From above; those that would touch are one below the other. */
  readonly row: number;
}

function marksOf(histogram: Drawable, x: (value: number) => number): Mark[] {
  const marks: Mark[] = [];
  const taken: [from: number, to: number][][] = [];
  for (const percent of [50, 99, 99.9]) {
    const value = histogram.percentile(percent);
    const at = x(value);
    const text = `p${percent} ${short(value)}`;
    const wide = text.length * letterWidth + 8;
    const end = at + wide > right;
    const from = end ? at - wide : at;
    // Their lines reach down to the axis, so a label is also below the labels that it would cross.
    let row = marks.length === 0 ? 0 : Math.max(...marks.map((mark) => mark.row));
    while (taken[row]?.some((other) => from < other[1] && from + wide > other[0])) row++;
    (taken[row] ??= []).push([from, from + wide]);
    marks.push({ at, text, end, row });
  }
  return marks;
}

/** Each value is counted in the column of its bucket's middle. */
function columns({ buckets }: Drawable, x: (value: number) => number, top: number): string[] {
  const counts = new Array<number>(Math.ceil((right - left) / columnWidth)).fill(0);
  for (const { from, to, count } of buckets) {
    const column = Math.floor((x((from + to) / 2) - left) / columnWidth);
    counts[column] = (counts[column] ?? 0) + count;
  }
  const tallest = Math.max(...counts);
  return counts.flatMap((count, index) => {
    if (count === 0) return [];
    // A single value among millions is seen as well.
    const tall = Math.max(1.5, (count / tallest) * (bottom - top));
    return `<rect x="${left + index * columnWidth}" y="${(bottom - tall).toFixed(1)}" width="${columnWidth - 1}" height="${tall.toFixed(1)}" rx="1" fill="#4a7fb0"/>`;
  });
}

/** Three digits, with k and M for thousands and millions. */
function short(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)}M`;
  if (value >= 1e3) return `${digits(value / 1e3)}k`;
  return digits(value);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
