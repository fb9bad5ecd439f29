// Work that needs a scratch object for each item: a frame of samples, smoothed and summed up.

/** What one frame needs while it is worked on: 32 KiB of samples and a list of peaks. */
export class Scratch {
  readonly samples = new Float64Array(4096);
  readonly peaks: number[] = [];

  /** As a new one would be: nothing of the last frame is left. */
  clear(): void {
    this.samples.fill(0);
    this.peaks.length = 0;
  }

  get isClear(): boolean {
    return this.peaks.length === 0 && this.samples[0] === 0;
  }
}

/** Writes the frame's samples into the scratch object, finds peaks; their number. */
export function countPeaks(frame: number, { samples, peaks }: Scratch): number {
  let state = frame + 1;
  for (let i = 0; i < samples.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    samples[i] = state / 2 ** 32;
  }
  let before = samples[0] ?? 0;
  for (let i = 1; i + 1 < samples.length; i++) {
    const here = samples[i] ?? 0;
    if (here > 0.999 && here > before && here > (samples[i + 1] ?? 0)) peaks.push(i);
    before = here;
  }
  return peaks.length;
}
