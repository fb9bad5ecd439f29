// GET /mandelbrot.png?size=400&x=-0.6&y=0&width=3    a picture
// GET /health                                        'ok', at once: as fast as the event loop is free
import { createServer, type Server, type ServerResponse } from 'node:http';
import { MoiraiError } from 'moirai';
import type { View } from './tasks.js';

/** Renders, here or elsewhere; the signal says that the picture is not wanted any more. */
export type Render = (view: View, signal: AbortSignal) => Uint8Array | Promise<Uint8Array>;

export function createRenderServer(render: Render): Server {
  return createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'GET') {
      answer(response.setHeader('Allow', 'GET'), 405, 'only GET');
    } else if (url.pathname === '/health') {
      answer(response, 200, 'ok');
    } else if (url.pathname === '/mandelbrot.png') {
      void servePicture(url.searchParams, response, render);
    } else {
      answer(response, 404, 'try /mandelbrot.png?size=400');
    }
  });
}

async function servePicture(
  query: URLSearchParams,
  response: ServerResponse,
  render: Render,
): Promise<void> {
  const view = parseView(query);
  if (typeof view === 'string') {
    answer(response, 400, view);
    return;
  }
  // A client that went away wants no picture: its task leaves the queue if it has not begun.
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const png = await render(view, gone.signal);
    response.setHeader('Content-Type', 'image/png').setHeader('Content-Length', png.length);
    response.end(png);
  } catch (error) {
    if (gone.signal.aborted) return;
    // More requests than the executor's maxQueue: say so, and let the client come back.
    if (error instanceof MoiraiError && error.code === 'ERR_MOIRAI_QUEUE_FULL') {
      answer(response.setHeader('Retry-After', 1), 503, 'busy');
    } else {
      console.error(error);
      answer(response, 500, 'the picture could not be rendered');
    }
  }
}

/** What is asked for, or what is wrong with it. */
function parseView(query: URLSearchParams): View | string {
  const read = (name: string, fallback: number, min: number, max: number): number => {
    const text = query.get(name);
    const value = text === null ? fallback : text === '' ? Number.NaN : Number(text);
    if (!(value >= min && value <= max)) problems.push(`${name} must be ${min} to ${max}`);
    return value;
  };
  const problems: string[] = [];
  const view: View = {
    size: Math.trunc(read('size', 400, 16, 2000)),
    x: read('x', -0.6, -4, 4),
    y: read('y', 0, -4, 4),
    width: read('width', 3, 1e-12, 8),
  };
  return problems.length === 0 ? view : problems.join('; ');
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${text}\n`);
}
