// A histogram as a picture: columns on a logarithmic axis, percentiles marked.

const width = 480;
const height = 176;
const left = 12;
const right = width - 12;
const top = 34;
const bottom = height - 34;
const columnWidth = 6;

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
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" fill="#333">`,
    `<title>${escapeText(title === '' ? heading : `${title}: ${heading}`)}</title>`,
    `<rect width="${width}" height="${height}" rx="4" fill="#fff"/>`,
    `<text x="${left}" y="19" font-weight="600">${escapeText(title)}</text>`,
    `<text x="${right}" y="19" text-anchor="end" fill="#777">${escapeText(heading)}</text>`,
    ...(histogram.count === 0 ? [] : body(histogram)),
    `<path d="M${left} ${bottom}H${right}" stroke="#999"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function summary({ count, mean, unit }: Drawable): string {
  return `${count.toLocaleString('en')} values, mean ${short(mean)} ${unit}`;
}

function body(histogram: Drawable): string[] {
  const { buckets, unit } = histogram;
  const smallest = buckets.find(({ from }) => from > 0)?.from ?? buckets[0]?.to ?? 1;
  // Whole decades, two at least: a picture of one value is a column and not a wall.
  const low = Math.floor(Math.log10(smallest));
  const high = Math.max(low + 1, Math.ceil(Math.log10(buckets.at(-1)?.to ?? 10)));
  const x = (value: number): number => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return left + Math.min(1, share) * (right - left);
  };
  const parts: string[] = [];
  for (let decade = low; decade <= high; decade++) {
    const at = x(10 ** decade).toFixed(1);
    const anchor = decade === low ? 'start' : decade === high ? 'end' : 'middle';
    parts.push(
      `<path d="M${at} ${top}V${bottom + 4}" stroke="#eee"/>`,
      `<text x="${at}" y="${bottom + 17}" text-anchor="${anchor}" fill="#777">${short(10 ** decade)} ${escapeText(unit)}</text>`,
    );
  }
  parts.push(...columns(histogram, x));
  for (const [percent, label] of [
    [50, 'p50'],
    [99, 'p99'],
  ] as const) {
    const value = histogram.percentile(percent);
    const at = x(value).toFixed(1);
    const anchor = x(value) > (left + right) / 2 ? 'end' : 'start';
    const y = percent === 50 ? top + 9 : top + 22;
    parts.push(
      `<path d="M${at} ${top}V${bottom}" stroke="#b5483a" stroke-dasharray="3 2"/>`,
      `<text x="${(x(value) + (anchor === 'end' ? -4 : 4)).toFixed(1)}" y="${y}" text-anchor="${anchor}" fill="#b5483a">${label} ${short(value)}</text>`,
    );
  }
  return parts;
}

/** Each value is counted in the column of its bucket's middle. */
function columns({ buckets }: Drawable, x: (value: number) => number): string[] {
  const counts = new Array<number>(Math.ceil((right - left) / columnWidth)).fill(0);
  for (const { from, to, count } of buckets) {
    const column = Math.floor((x((from + to) / 2) - left) / columnWidth);
    counts[column] = (counts[column] ?? 0) + count;
  }
  const tallest = Math.max(...counts);
  return counts.flatMap((count, index) => {
    if (count === 0) return [];
    // A single value among millions is seen as well.
    const tall = Math.max(1, (count / tallest) * (bottom - top));
    return `<rect x="${left + index * columnWidth}" y="${(bottom - tall).toFixed(1)}" width="${columnWidth - 1}" height="${tall.toFixed(1)}" fill="#4a7fb0"/>`;
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
