// The task module: renders the Mandelbrot set. Nothing here knows on which thread it runs.
import { encodePng } from './png.js';

export interface View {
  /** Pixels a side. */
  readonly size: number;
  /** The centre, and how much of the plane the picture shows. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

const maxIterations = 255;

// From black through blue and white to orange; the set itself is black.
const palette = Uint8Array.from({ length: 3 * (maxIterations + 1) }, (_, at) => {
  const iterations = Math.floor(at / 3);
  if (iterations === maxIterations) return 0;
  const phase = [0.62, 0.55, 0.45][at % 3] ?? 0;
  return Math.round(127.5 - 127.5 * Math.cos(2 * Math.PI * (iterations / 48 + phase - 0.55)));
});

/** A PNG file of the view. */
export function renderPng(view: View): Uint8Array {
  const { size, width } = view;
  const left = view.x - width / 2;
  const top = view.y - width / 2;
  const pixels = new Uint8Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const re = left + (column * width) / size;
      const im = top + (row * width) / size;
      pixels[row * size + column] = escapeTime(re, im);
    }
  }
  return encodePng(size, pixels, palette);
}

function escapeTime(re: number, im: number): number {
  let a = 0;
  let b = 0;
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const aa = a * a;
    const bb = b * b;
    if (aa + bb > 4) return iteration;
    b = 2 * a * b + im;
    a = aa - bb + re;
  }
  return maxIterations;
}
