// What encoding into shared memory and decoding out of it cost per value, beside v8.serialize and JSON
// (both through the same memory). Run: npx tsx bench/codec/codec.ts [name]
import { deserialize, serialize } from 'node:v8';
import { cpus } from 'node:os';
import { decode, encode } from '../../dist/codec/index.js';
import { FixedWriter } from './memory.js';

const ROUNDS = 7;
const writer = new FixedWriter(1 << 22);
const { bytes } = writer.views;

interface Method {
  readonly name: string;
  /** Writes at the start of the memory; the number of bytes. */
  write(value: unknown): number;
  read(size: number): unknown;
}

const methods: readonly Method[] = [
  {
    name: 'codec',
    write(value) {
      writer.rewind();
      encode(writer, value);
      return writer.position;
    },
    read: (size) => decode(writer.views, 0, size),
  },
  {
    name: 'v8',
    write(value) {
      const encoded = serialize(value);
      bytes.set(encoded);
      return encoded.length;
    },
    read: (size) => deserialize(Buffer.from(bytes.subarray(0, size))) as unknown,
  },
  {
    name: 'JSON',
    write: (value) => bytes.write(JSON.stringify(value)),
    read: (size) => JSON.parse(bytes.toString('utf8', 0, size)) as unknown,
  },
];

const five = (i: number) => ({ id: i, name: 'short text', price: 1.5, active: true, tag: 'abc' });
/** Several of each, so that nothing is constant. */
const values: Record<string, (i: number) => unknown> = {
  undefined: () => undefined,
  'small integer': (i) => i,
  double: (i) => i + 0.5,
  'string of 5': (i) => `text${i}`,
  'string of 30': (i) => `a somewhat longer text, part ${i}`,
  'string of 10,000': (i) => String(i).padEnd(10_000, 'x'),
  '3 doubles': (i) => [i + 0.5, 1.5, 2.5],
  '5-field object': (i) => five(1000 + i),
  'nested object': (i) => ({ a: five(i), b: { c: [1, 2, 3], d: null, e: five(i) } }),
  '100 objects': (i) => Array.from({ length: 100 }, (_, j) => five(i + j)),
  '1,000 integers': (i) => Array.from({ length: 1000 }, (_, j) => i + j),
  '1,000 doubles': (i) => Array.from({ length: 1000 }, (_, j) => i + j + 0.5),
  '1,000 strings': (i) => Array.from({ length: 1000 }, (_, j) => `item${i + j}`),
  'Uint8Array of 64': (i) => new Uint8Array(64).fill(i),
  'Uint8Array of 64 KiB': (i) => new Uint8Array(65_536).fill(i),
  'Map of 10': (i) => new Map(Array.from({ length: 10 }, (_, j) => [`key${j}`, i])),
  'dynamic keys': (i) => ({ [`k${i}`]: 1, [`l${i + 1}`]: 2 }),
};

function nanoseconds(work: (count: number) => void): number {
  let count = 1;
  const time = (n: number): number => {
    const before = process.hrtime.bigint();
    work(n);
    return Number(process.hrtime.bigint() - before);
  };
  while (time(count) < 10_000_000) count *= 2;
  const rounds = Array.from({ length: ROUNDS }, () => time(count) / count).sort((a, b) => a - b);
  return rounds[ROUNDS >> 1] as number;
}

let sink: unknown;

function measure(method: Method, samples: readonly unknown[]): [number, number, number] {
  const mask = samples.length - 1;
  const writing = nanoseconds((count) => {
    for (let i = 0; i < count; i++) method.write(samples[i & mask]);
  });
  const size = method.write(samples[0]);
  const reading = nanoseconds((count) => {
    for (let i = 0; i < count; i++) sink = method.read(size);
  });
  return [size, writing, reading];
}

const chosen = process.argv[2];
console.log(`node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown CPU'}`);
console.log('bytes, ns to encode, ns to decode: median of', ROUNDS);
const cell = (text: string): string => text.padStart(22);
console.log('value'.padEnd(22) + methods.map(({ name }) => cell(name)).join(''));
for (const [name, make] of Object.entries(values)) {
  if (chosen !== undefined && name !== chosen) continue;
  const samples = Array.from({ length: 16 }, (_, i) => make(i));
  const cells = methods.map((method) => {
    if (method.name === 'JSON' && !/integer|double|string|object/.test(name)) return cell('-');
    const [size, writing, reading] = measure(method, samples);
    return cell(`${size} ${writing.toFixed(0)} ${reading.toFixed(0)}`);
  });
  console.log(name.padEnd(22) + cells.join(''));
}
void sink;
