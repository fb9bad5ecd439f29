// An executor with tasks flowing through it: what is done to the machine meanwhile may lose none.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { Executor } from 'moirai';

const most = 1 << 16;
const outstanding = 16;
// Lanes take a rest after so many tasks: bursts, after which workers sleep and must be woken.
const burst = 8;

export class Flow {
  #executor;
  #runs;
  #spawnOptions;
  #begun = 0;
  #settled = 0;
  #over = false;
  #wrong = [];
  #lanes;
  #waiting = [];

  /**
   * Of a test, which closes it at its end, whatever becomes of it. Tasks take turns with `spawnOptions`.
   */
  static async start(t, options, spawnOptions = [{}]) {
    const runs = new Uint32Array(new SharedArrayBuffer(4 * most));
    const tasks = new URL('flow-tasks.mjs', import.meta.url);
    const executor = await Executor.start({ tasks, workerData: runs, ...options });
    const flow = new Flow(executor, runs, spawnOptions);
    t.after(() => {
      flow.#over = true;
      return executor.close({ force: true });
    });
    return flow;
  }

  constructor(executor, runs, spawnOptions) {
    this.#executor = executor;
    this.#runs = runs;
    this.#spawnOptions = spawnOptions;
    this.#lanes = Array.from({ length: outstanding }, () => this.#lane());
  }

  get executor() {
    return this.#executor;
  }

  async #lane() {
    while (!this.#over && this.#begun < most) {
      const i = this.#begun++;
      if (i % burst === 0) await setTimeout(5);
      const options = this.#spawnOptions[i % this.#spawnOptions.length];
      await this.#executor.spawn('square', [i], options).then(
        (value) => value === i * i || this.#wrong.push([i, value]),
        (error) => this.#wrong.push([i, error]),
      );
      this.#settled++;
      this.#waiting = this.#waiting.filter(({ until, resolve }) => {
        if (this.#settled >= until) resolve();
        return this.#settled < until;
      });
    }
  }

  /** Resolves when so many more tasks are done. */
  progress(more = 128) {
    return new Promise((resolve) => {
      this.#waiting.push({ until: this.#settled + more, resolve });
    });
  }

  /** Ends the flow; each task must have run once, its handle settled, its value been right. */
  async end() {
    this.#over = true;
    await Promise.all(this.#lanes);
    const { outstanding: left, tasks } = this.#executor.stats();
    await this.#executor.close();
    assert.ok(this.#begun < most, 'it ended by itself');
    assert.deepEqual(this.#wrong, []);
    assert.deepEqual([this.#settled, left], [this.#begun, 0]);
    assert.ok(tasks.done >= this.#begun, `${tasks.done} of ${this.#begun} done`);
    assert.ok(this.#runs.subarray(0, this.#begun).every((runs) => runs === 1));
    return this.#begun;
  }
}
