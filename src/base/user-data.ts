import { createRequire, syncBuiltinESMExports } from 'node:module';

/**
 * On a thread that this package starts: libraries and the user's modules read `workerData` of
 * node:worker_threads, and find the user's there, not ours.
 */
export function showUserData(data: unknown): void {
  const require = createRequire(import.meta.url);
  const threads = require('node:worker_threads') as { workerData: unknown };
  threads.workerData = data;
  syncBuiltinESMExports();
}
