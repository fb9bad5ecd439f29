// The example of a user's own metrics sink, as its user runs it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './project.js';

let project: Project;

beforeAll(() => {
  project = new Project();
  project.copy('examples/prometheus-file');
  project.compile('examples');
});
afterAll(() => project.remove());

test('the file has the whole of the last record, in the text format', async () => {
  const file = join(project.folder, 'out.prom');
  const { code, stdout, stderr } = await project.run('examples/prometheus-file/main.js', [
    file,
    '50',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('RangeError: out of range');
  const text = readFileSync(file, 'utf8');
  const samples = new Map<string, number>();
  const comment = /^# (?:HELP \w+ .+|TYPE \w+ (?:counter|gauge|summary))$/u;
  for (const line of text
    .trimEnd()
    .split('\n')
    .filter((each) => !comment.test(each))) {
    const [, name = '', value = ''] = /^(\w+(?:\{[^}]*\})?) (\S+)$/u.exec(line) ?? [];
    expect(name, line).not.toBe('');
    samples.set(name, Number(value));
  }
  expect(samples.get('tasks_total{outcome="done"}')).toBe(50);
  expect(samples.get('tasks_total{outcome="failed"}')).toBe(1);
  expect(samples.get('tasks_outstanding')).toBe(0);
  expect(samples.get('task_running_seconds_count')).toBe(51);
  expect(samples.get('task_running_seconds_sum')).toBeGreaterThan(0);
  expect(samples.get('worker_cpu_seconds_total{worker="0"}')).toBeGreaterThan(0);
  expect(readdirSync(project.folder).filter((name) => name.includes('partial'))).toEqual([]);
});
