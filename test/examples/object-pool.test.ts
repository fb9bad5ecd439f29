// The example of a pool of objects, as its user runs it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './project.js';

let project: Project;

beforeAll(() => {
  project = new Project();
  project.copy('examples/object-pool');
  project.compile('examples');
});
afterAll(() => project.remove());

test('with the pool at least 80 % fewer objects and bytes are allocated, for the same result', async () => {
  const { code, stdout, stderr } = await project.run('examples/object-pool/main.js', ['2000']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, anew, pooled] = /peaks: (\d+) and (\d+)/u.exec(stdout) ?? [];
  expect(Number(anew)).toBeGreaterThan(2000);
  expect(pooled).toBe(anew);
  const [, objects, bytes] = /(\S+) % fewer objects, (\S+) % fewer bytes/u.exec(stdout) ?? [];
  expect(Number(objects)).toBeGreaterThanOrEqual(80);
  expect(Number(bytes)).toBeGreaterThanOrEqual(80);
  expect(stdout).toContain('reused 1999 times, hit rate 0.9995, corrected by reset: 2000');
});
