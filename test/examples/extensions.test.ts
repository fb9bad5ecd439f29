// The examples of a queue and a placement of the user's own do what they say.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { affinity } from 'moirai';
import { Project } from './project.js';

let project: Project;

beforeAll(() => {
  project = new Project();
  project.copy('examples/fair-queue');
  project.copy('examples/placement');
  project.compile('examples');
});
afterAll(() => project.remove());

test('fair-queue: who has few tasks does not wait for who has many', async () => {
  const { code, stdout, stderr } = await project.run('examples/fair-queue/main.js');
  expect(code, stderr).toBe(0);
  const order = (stdout.split('\n')[0] ?? '').split(' ');
  expect(order).toHaveLength(44);
  // Two tasks of `large` are out of the queue before the others come; from then on it is their turn.
  expect(
    order
      .slice(0, 9)
      .filter((one) => one !== 'large')
      .sort(),
  ).toEqual(['a', 'a', 'b', 'b']);
});

test('placement: the workers are bound where it says', async () => {
  const { code, stdout, stderr } = await project.run('examples/placement/main.js');
  expect(code, stderr).toBe(0);
  const [first, ...others] = affinity.get();
  const cpus = others.length > 0 ? others : [first];
  expect(stdout).toBe(`workers run on CPUs ${cpus.join(', ')}; CPU ${first} is the event loop's\n`);
});
