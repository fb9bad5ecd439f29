// One customer has forty tasks, two others have two each, and come later: nobody waits for the forty.
//
//   npm run example:fair-queue
import { Executor } from 'moirai';
import { FairQueue } from './fair-queue.js';
import type * as tasks from './tasks.js';

await using executor = await Executor.start<typeof tasks>({
  tasks: new URL('./tasks.js', import.meta.url),
  queue: new FairQueue(),
  threads: 1,
});
const order: string[] = [];
const customers = [...Array.from({ length: 40 }, () => 'large'), 'a', 'a', 'b', 'b'];
await Promise.all(
  customers.map(async (customer) => {
    order.push(await executor.run.work(customer, 2));
  }),
);
console.log(order.join(' '));
for (const customer of ['a', 'b', 'large']) {
  console.log(
    `${customer}: done after ${order.lastIndexOf(customer) + 1} of ${order.length} tasks`,
  );
}
