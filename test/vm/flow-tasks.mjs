// Tasks of flow.mjs; `workerData` is where each counts that it ran.
import { currentCpu } from 'moirai';
import { workerData } from 'moirai/worker';

export function square(i) {
  Atomics.add(workerData, i, 1);
  return i * i;
}

export const where = () => currentCpu();

export function leave() {
  process.exit(1);
}
