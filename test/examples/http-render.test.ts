// The HTTP example: its comparison from end to end, and its server request by request.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as server from '../../examples/http-render/server.js';
import type * as tasks from '../../examples/http-render/tasks.js';
import { Project } from './project.js';

let project: Project;
let listening: Server;
let origin: string;
let renderPng: typeof tasks.renderPng;

const load = <T>(name: string): Promise<T> =>
  import(pathToFileURL(join(project.folder, `examples/http-render/${name}.js`)).href) as Promise<T>;

beforeAll(async () => {
  project = new Project();
  project.copy('examples/http-render');
  project.compile('examples');
  const { createRenderServer } = await load<typeof server>('server');
  ({ renderPng } = await load<typeof tasks>('tasks'));
  listening = createRenderServer((view) => renderPng(view)).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  origin = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
});
afterAll(() => {
  listening.closeAllConnections();
  listening.close();
  project.remove();
});

test('both ways answer every request, and the figures of both are printed', async () => {
  const args = ['--size', '64', '--requests', '12', '--clients', '3'];
  const { code, stdout, stderr } = await project.run('examples/http-render/main.js', args);
  expect(stderr).toBe('');
  expect(stdout).toContain('12 × GET /mandelbrot.png?size=64 by 3 clients');
  expect(stdout).toMatch(/pictures +12 of 12 +12 of 12$/mu);
  for (const row of ['picture', '/health', 'event-loop delay']) {
    expect(stdout).toMatch(new RegExp(`${row} p99 +[\\d.]+ ms +[\\d.]+ ms$`, 'mu'));
  }
  expect(code).toBe(0);
});

test('a picture is a PNG of the size asked for', async () => {
  const response = await fetch(`${origin}/mandelbrot.png?size=32`);
  expect(response.headers.get('content-type')).toBe('image/png');
  const png = Buffer.from(await response.arrayBuffer());
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([32, 32]);
  const data = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)));
  expect(rows.length).toBe(32 * 33);
  // The point -0.6 in the middle belongs to the set; the corners leave it soon.
  expect(rows[16 * 33 + 17]).toBe(255);
  expect(rows[1]).toBeLessThan(10);
});

test.each([
  ['/mandelbrot.png?size=1e9', 400, 'size must be 16 to 2000'],
  ['/mandelbrot.png?size=', 400, 'size must be 16 to 2000'],
  ['/mandelbrot.png?x=here&width=0', 400, 'x must be -4 to 4; width must be 1e-12 to 8'],
  ['/other', 404, 'try /mandelbrot.png?size=400'],
  ['/health', 200, 'ok'],
])('%s: %i', async (path, status, text) => {
  const response = await fetch(origin + path);
  expect(response.status).toBe(status);
  expect(await response.text()).toBe(`${text}\n`);
});

test('only GET', async () => {
  expect((await fetch(`${origin}/health`, { method: 'POST' })).status).toBe(405);
});
