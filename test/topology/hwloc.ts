// lstopo as the oracle: its XML, read with as little machinery as the comparison needs.
import { execFileSync, spawnSync } from 'node:child_process';

export const lstopoMissing = spawnSync('lstopo', ['--version']).error !== undefined;

export interface HwlocObject {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly cpus: readonly number[];
  /** Page size and count of a NUMANode. */
  readonly pages: readonly (readonly [number, number])[];
}

export interface HwlocTopology {
  readonly objects: readonly HwlocObject[];
  readonly distances: { readonly nodes: readonly number[]; readonly values: readonly number[] };
  readonly kinds: readonly (readonly number[])[];
}

/** `--disallowed` keeps what cgroups forbid; without it those objects would be missing. */
export function lstopo(root?: string): HwlocTopology {
  const input = root === undefined ? [] : ['--input', root, '--if', 'fsroot'];
  const options = [...input, '--disallowed', '--no-io', '--of', 'xml'];
  return parse(execFileSync('lstopo', options, { encoding: 'utf8', maxBuffer: 1 << 28 }));
}

function parse(xml: string): HwlocTopology {
  const objects: HwlocObject[] = [];
  for (const chunk of xml.split('<object ').slice(1)) {
    const attributes = attributesOf(chunk.slice(0, chunk.indexOf('>')));
    const pages = [...chunk.matchAll(/<page_type size="(\d+)" count="(\d+)"/g)];
    objects.push({
      type: attributes['type'] ?? '',
      attributes,
      cpus: parseSet(attributes['cpuset']),
      pages: pages.map(([, size, count]) => [Number(size), Number(count)] as const),
    });
  }
  const table = /<distances2 [^>]*name="NUMALatency"[^]*?<\/distances2>/.exec(xml)?.[0] ?? '';
  return {
    objects,
    distances: { nodes: numbers(table, 'indexes'), values: numbers(table, 'u64values') },
    kinds: [...xml.matchAll(/<cpukind cpuset="([^"]*)"/g)].map(([, set]) => parseSet(set)),
  };
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value] as const));
}

function numbers(xml: string, element: string): number[] {
  const found = [...xml.matchAll(new RegExp(`<${element} [^>]*>([^<]*)<`, 'g'))];
  return found.flatMap(([, text]) => (text ?? '').trim().split(/\s+/).map(Number));
}

/** hwloc's form of a set: 32-bit words in hexadecimal, the highest first, empty for zero. */
export function parseSet(text: string | undefined): number[] {
  const set: number[] = [];
  (text ?? '')
    .split(',')
    .toReversed()
    .forEach((word, index) => {
      const bits = Number.parseInt(word || '0', 16);
      for (let bit = 0; bit < 32; bit++) if ((bits >>> bit) & 1) set.push(index * 32 + bit);
    });
  return set;
}
