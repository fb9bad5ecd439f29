// Numbers as people read them. MB are 1,000,000 bytes.

export function count(value: number): string {
  return value.toLocaleString('en');
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

export function rate(bytes: number, seconds: number): string {
  const megabytes = seconds > 0 ? bytes / 1e6 / seconds : 0;
  return `${megabytes < 10 ? megabytes.toFixed(1) : count(Math.round(megabytes))} MB/s`;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
