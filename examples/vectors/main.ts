// Instances of a class go to a task and come back as instances.
//
//   npm run example:vectors
import { Executor } from 'moirai';
import type * as tasks from './tasks.js';
import { Vector } from './vector.js';

await using executor = await Executor.start<typeof tasks>({
  tasks: new URL('./tasks.js', import.meta.url),
  codecs: new URL('./codecs.js', import.meta.url),
  threads: 1,
});
const centre = await executor.run.centreOfMass([
  { name: 'left', mass: 1, place: new Vector(0, 3, 0) },
  { name: 'right', mass: 3, place: new Vector(4, 3, 0) },
]);
console.log(
  `${centre.toString()} is a Vector: ${centre instanceof Vector}, of length ${centre.length}`,
);
