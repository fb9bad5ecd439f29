// How deep idle CPUs may sleep: the kernel keeps it for as long as the file is open
// (Documentation/power/pm_qos_interface.rst).
import { closeSync, openSync, writeSync } from 'node:fs';
import { explained, type RtShortfall } from './granted.js';

const device = '/dev/cpu_dma_latency';

export class DmaLatency {
  readonly shortfall: RtShortfall | undefined;
  #file: number | undefined;

  constructor(latencyUs: number | undefined) {
    if (latencyUs === undefined) return;
    try {
      this.#file = openSync(device, 'w');
      writeSync(this.#file, Int32Array.of(latencyUs));
    } catch (error) {
      this.release();
      const { errno = 0, syscall, message } = error as NodeJS.ErrnoException;
      const why = explained(message, 'dmaLatency');
      const code = 'ERR_MOIRAI_PERMISSION';
      this.shortfall = { what: 'dmaLatency', why, code, errno: -errno, syscall };
    }
  }

  get held(): boolean {
    return this.#file !== undefined;
  }

  release(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
