// The load client. It runs in a thread of its own, so that what it measures is the server's event
// loop and not the client's. Started by main.ts with a `Load`, it posts one `LoadResult`.
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly requests: number;
  /** How many of them are under way at a time. */
  readonly clients: number;
  /** While they are, /health is asked every so many milliseconds. */
  readonly probeMs: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Answers by status. */
  readonly statuses: Record<number, number>;
  readonly bytes: number;
  /** How long each answer took, in milliseconds. */
  readonly pictures: number[];
  readonly probes: number[];
}

interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
}

async function drive(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.clients });
  const probeAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  const pictures: Answer[] = [];
  const probes: number[] = [];
  let left = load.requests;
  const finished = new AbortController();
  const client = async (): Promise<void> => {
    while (left-- > 0) pictures.push(await ask(load.port, load.path, agent));
  };
  const probe = async (): Promise<void> => {
    while (!finished.signal.aborted) {
      probes.push((await ask(load.port, '/health', probeAgent)).ms);
      await sleep(load.probeMs);
    }
  };
  const begun = performance.now();
  const probing = probe();
  await Promise.all(Array.from({ length: load.clients }, client));
  const seconds = (performance.now() - begun) / 1000;
  finished.abort();
  await probing;
  agent.destroy();
  probeAgent.destroy();

  const statuses: Record<number, number> = {};
  for (const { status } of pictures) statuses[status] = (statuses[status] ?? 0) + 1;
  const bytes = pictures.reduce((sum, picture) => sum + picture.bytes, 0);
  return { seconds, statuses, bytes, pictures: pictures.map(({ ms }) => ms), probes };
}

function ask(port: number, path: string, agent: Agent): Promise<Answer> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, bytes, ms: performance.now() - begun });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

parentPort?.postMessage(await drive(workerData as Load));
