// The example of a codec of one's own.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './project.js';

let project: Project;

beforeAll(() => {
  project = new Project();
  project.copy('examples/vectors');
  project.compile('examples');
});
afterAll(() => project.remove());

test('instances arrive as instances, in the task and back', async () => {
  const { code, stdout, stderr } = await project.run('examples/vectors/main.js');
  expect(stderr).toBe('');
  expect(stdout).toBe(`(3, 3, 0) is a Vector: true, of length ${Math.hypot(3, 3, 0)}\n`);
  expect(code).toBe(0);
});
