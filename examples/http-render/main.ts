// A server that renders pictures, first in its own thread, then on the executor, under the same load.
//
//   npm run example:http                                    compares the two
//   npm run example:http -- --size 800 --requests 100       larger pictures, more of them
//   npm run example:http -- --serve                         keeps the server up, for a browser
//
// Everything is on 127.0.0.1, on a port that the system chooses.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Executor } from 'moirai';
import type { Load, LoadResult } from './load.js';
import { comparisonTable, lateness, type Measured } from './report.js';
import { createRenderServer, type Render } from './server.js';
import * as tasks from './tasks.js';

const periodMs = 1;

async function measure(title: string, render: Render, load: Omit<Load, 'port'>): Promise<Measured> {
  const { server, port } = await listen(render);
  // A few that do not count: the compiler warms up on both sides.
  await drive({ ...load, port, requests: load.clients });
  const histogram = monitorEventLoopDelay({ resolution: periodMs });
  histogram.enable();
  const result = await drive({ ...load, port });
  histogram.disable();
  server.close();
  return { title, load: result, delay: lateness(histogram, periodMs) };
}

async function listen(render: Render): Promise<{ server: Server; port: number }> {
  const server = createRenderServer(render).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function drive(load: Load): Promise<LoadResult> {
  const worker = new Worker(new URL('./load.js', import.meta.url), { workerData: load });
  const [result] = (await once(worker, 'message')) as [LoadResult];
  return result;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} must be a positive whole number, not ${text}`);
}

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '400' },
    requests: { type: 'string', default: '60' },
    clients: { type: 'string', default: '8' },
    serve: { type: 'boolean', default: false },
  },
});

const executor = await Executor.start<typeof tasks>({
  tasks: new URL('./tasks.js', import.meta.url),
});
const onExecutor: Render = (view, signal) => executor.spawn('renderPng', [view], { signal });
const inline: Render = (view) => tasks.renderPng(view);

if (values.serve) {
  const { port } = await listen(onExecutor);
  console.log(`http://127.0.0.1:${port}/mandelbrot.png?size=1000  (Ctrl-C ends)`);
} else {
  const load = {
    path: `/mandelbrot.png?size=${positive('size', values.size)}`,
    requests: positive('requests', values.requests),
    clients: positive('clients', values.clients),
    probeMs: 5,
  };
  console.log(
    `${load.requests} × GET ${load.path} by ${load.clients} clients on 127.0.0.1; ` +
      `${executor.threads} workers\n`,
  );
  const measured = [
    await measure('in the server', inline, load),
    await measure('on the executor', onExecutor, load),
  ];
  console.log(comparisonTable(measured));
  const failed = measured.some(({ load: { statuses } }) => statuses[200] !== load.requests);
  await executor.close();
  process.exitCode = failed ? 1 : 0;
}
