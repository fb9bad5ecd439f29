// The example of a cycle that follows the clock of a device.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './project.js';

let project: Project;

beforeAll(() => {
  project = new Project();
  project.copy('examples/field-bus');
  project.compile('examples');
});
afterAll(() => project.remove());

test('field-bus: the master locks to the device and says how', async () => {
  const { code, stdout, stderr } = await project.run('examples/field-bus/main.js');
  expect(code, stderr).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toBe('locked to a clock that is slower by 120 ppm');
  expect(lines.at(-2)).toMatch(/true$/);
});
