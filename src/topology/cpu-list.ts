// The two ways the kernel writes sets of numbers: lists ("0-3,8") and hexadecimal masks
// ("00000000,0000010f", most significant word first). Sets are ascending arrays throughout.

/** Numbers from a list such as `0-3,8`; anything else in the text is ignored. */
export function parseCpuList(text: string | undefined): number[] {
  const numbers = new Set<number>();
  for (const part of (text ?? '').trim().split(',')) {
    const match = /^\s*(\d+)(?:-(\d+)(?::(\d+)\/(\d+))?)?\s*$/.exec(part);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    // "0-31:2/8" is 2 out of every 8: boot parameters are written so.
    const used = Number(match[3] ?? 1);
    const stride = Number(match[4] ?? 1);
    for (let n = first; n <= last && numbers.size < 65_536; n++) {
      if ((n - first) % stride < used) numbers.add(n);
    }
  }
  return ascending(numbers);
}

/** Numbers of the bits set in a mask. */
export function parseCpuMask(text: string | undefined): number[] {
  const numbers: number[] = [];
  const words = (text ?? '').trim().split(',').toReversed();
  words.forEach((word, index) => {
    const bits = Number.parseInt(word || '0', 16);
    for (let bit = 0; bit < 32; bit++) {
      if (((bits >>> bit) & 1) === 1) numbers.push(index * 32 + bit);
    }
  });
  return numbers;
}

/** The list form: `[0, 1, 2, 3, 8]` as `0-3,8`. */
export function formatCpuList(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    const first = numbers[i] ?? 0;
    let last = first;
    while (numbers[i + 1] === last + 1) last = numbers[++i] ?? last;
    parts.push(first === last ? `${first}` : `${first}-${last}`);
    i++;
  }
  return parts.join(',');
}

export function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].toSorted((a, b) => a - b);
}

export function intersect(a: readonly number[], b: readonly number[]): number[] {
  const other = new Set(b);
  return a.filter((n) => other.has(n));
}

export function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

export function includesAll(outer: readonly number[], inner: readonly number[]): boolean {
  const set = new Set(outer);
  return inner.every((n) => set.has(n));
}
