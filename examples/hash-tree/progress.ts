// A line that is drawn over and over on a terminal; elsewhere (a file, a pipe, a CI log) four plain
// lines, one for each quarter of the way.
import { bytesText, count, rate } from './units.js';

export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const redrawMs = 80;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export class Progress {
  readonly #output: Output;
  readonly #files: number;
  readonly #bytes: number;
  readonly #begun = performance.now();
  #doneFiles = 0;
  #doneBytes = 0;
  #drawn = 0;
  #quarter = 0;

  constructor(output: Output, files: number, bytes: number) {
    this.#output = output;
    this.#files = files;
    this.#bytes = bytes;
  }

  /** One file more is done. */
  add(bytes: number): void {
    this.#doneFiles++;
    this.#doneBytes += bytes;
    if (this.#output.isTTY === true) {
      const now = performance.now();
      if (now - this.#drawn < redrawMs) return;
      this.#drawn = now;
      this.#output.write(`\r${this.#line()}\u001B[K`);
    } else {
      const quarter = Math.floor(this.#share() * 4);
      if (quarter === this.#quarter) return;
      this.#quarter = quarter;
      this.#output.write(`${this.#figures()}\n`);
    }
  }

  /** Takes the live line away: what is to stay is in the report. */
  finish(): void {
    if (this.#output.isTTY === true) this.#output.write('\r\u001B[K');
  }

  /** By bytes, for those are the work; files may have grown since they were counted. */
  #share(): number {
    if (this.#doneFiles >= this.#files) return 1;
    if (this.#bytes === 0) return this.#doneFiles / this.#files;
    return Math.min(0.99, this.#doneBytes / this.#bytes);
  }

  #figures(): string {
    const seconds = (performance.now() - this.#begun) / 1000;
    return [
      `${Math.floor(this.#share() * 100)
        .toString()
        .padStart(3)} %`,
      `${count(this.#doneFiles)} of ${count(this.#files)} files`,
      `${bytesText(this.#doneBytes)} of ${bytesText(this.#bytes)}`,
      rate(this.#doneBytes, seconds),
    ].join('  ');
  }

  #line(): string {
    const figures = this.#figures();
    // Narrower than the terminal, or each drawing would leave a line behind.
    const room = (this.#output.columns ?? 80) - 1;
    const width = Math.min(40, room - figures.length - 2);
    return width < 8 ? figures.slice(0, room) : `${bar(this.#share(), width)}  ${figures}`;
  }
}

function bar(share: number, width: number): string {
  const filled = Math.floor(share * width * 8);
  const blocks = '█'.repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? '');
  return blocks.padEnd(width, '░');
}
