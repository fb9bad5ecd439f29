// Workers sit where a class of the user's own puts them.
//
//   npm run example:placement
import { Executor, topology } from 'moirai';
import { LeaveOneFree } from './spread.js';
import type * as tasks from './tasks.js';

await using executor = await Executor.start<typeof tasks>({
  tasks: new URL('./tasks.js', import.meta.url),
  placement: new LeaveOneFree(),
  threads: 2,
});
const cpus = await executor.run.whereami();
const [free] = topology().allowed;
console.log(`workers run on CPUs ${cpus.join(', ')}; CPU ${free} is the event loop's`);
