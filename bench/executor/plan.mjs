// What is measured: every job with every contender, unless it names its own. `kind` is the way of
// measuring, a file of this folder; a job's `key` is its name in the results.

const job = (kind, workload, workers, title, more = {}) => ({
  key: `${workload}/${kind}/${workers}`,
  kind,
  workload,
  workers,
  title: `${title}, ${workers === 1 ? 'one worker' : 'two workers'}`,
  ...more,
});

const both = [64, 10_000];

export const jobs = [
  job('rates', 'empty', 1, 'Empty task', { serial: true, windows: both }),
  job('rates', 'empty', 2, 'Empty task', { windows: both }),
  job('rates', 'number', 1, 'A number in, a number out', { serial: true, windows: both }),
  job('rates', 'object', 1, 'An object of five fields in, one out', {
    serial: true,
    windows: both,
  }),
  job('rates', 'object', 2, 'An object of five fields in, one out', { windows: both }),
  job('rates', 'bytes', 1, 'A Uint8Array of 64 KiB in and out', { serial: true, windows: [64] }),
  job('rates', 'shared', 1, 'A SharedArrayBuffer of 1 MiB, a few bytes touched', {
    serial: true,
    windows: [64],
  }),
  job('rates', 'sharedSmall', 1, 'The same with 1 KiB', {
    serial: true,
    windows: [64],
    contenders: ['moirai run', 'MessagePort'],
  }),
  job('rates', 'clone', 1, 'The same with a structured clone of 1 MiB', {
    serial: true,
    windows: [64],
    contenders: ['moirai run', 'MessagePort'],
  }),
  job('rates', 'sleep', 1, 'An async task that awaits 1 ms', { windows: [64, 1000] }),
  job('rates', 'sleep', 2, 'An async task that awaits 1 ms', { windows: [64, 1000] }),
  job('bursts', 'empty', 1, 'Bursts of 1,000 empty tasks, 5 ms between them'),
  job('bursts', 'empty', 2, 'Bursts of 1,000 empty tasks, 5 ms between them'),
  job('uneven', 'uneven', 1, 'Busy tasks of 1 to 1,000 µs, heavy-tailed'),
  job('uneven', 'uneven', 2, 'Busy tasks of 1 to 1,000 µs, heavy-tailed'),
  job('queued', 'queued', 1, 'Empty tasks queued at once: memory of each'),
  job('drain', 'queued', 1, 'Empty tasks queued at once: time until all are settled'),
];
