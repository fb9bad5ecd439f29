// The example of a control loop: its motor and controller as calculations, and the whole as its user runs it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as drives from '../../examples/motor-control/drive.js';
import type * as figures from '../../examples/motor-control/figures.js';
import type * as motors from '../../examples/motor-control/motor.js';
import { Project } from './project.js';

let project: Project;
const at = (file: string): string => join(project.folder, 'examples/motor-control', file);

beforeAll(() => {
  project = new Project();
  project.copy('examples/motor-control');
  project.compile('examples');
});
afterAll(() => project.remove());

describe('as calculations', () => {
  const step = 1;

  /** What comes of calls at these times, in microseconds. */
  async function run(timesUs: readonly number[]): Promise<figures.Figures> {
    const { Drive } = (await import(at('drive.js'))) as typeof drives;
    const { figuresOf } = (await import(at('figures.js'))) as typeof figures;
    const drive = new Drive(step);
    const samples = timesUs.map((us) => {
      const sample = { time: 0, target: 0, speed: 0, volts: 0 };
      drive.call(1e9 + us, sample);
      return sample;
    });
    return figuresOf(samples, step);
  }

  test('the motor comes to the speed at which its equations stand still', async () => {
    const { Motor } = (await import(at('motor.js'))) as typeof motors;
    const motor = new Motor();
    motor.advance(1, 12, 0.05);
    // u = R i + k w and k i = b w + m
    const [R, k, b, u, m] = [1.2, 0.05, 1e-5, 12, 0.05];
    const speed = (k * u - R * m) / (k * k + R * b);
    expect(motor.speed).toBeCloseTo(speed, 6);
    expect(motor.current).toBeCloseTo((b * speed + m) / k, 6);
  });

  test('called in time the loop holds its target, through the load', async () => {
    const { rms, worst, settledMs } = await run(Array.from({ length: 2000 }, (_, i) => i * 1000));
    expect(rms).toBeLessThan(0.5);
    expect(worst).toBeLessThan(5);
    expect(settledMs).toBeLessThan(20);
  });

  test('called as setInterval does beside other work, with holes, it is several times as far off', async () => {
    const inTime = await run(Array.from({ length: 2000 }, (_, i) => i * 1000));
    const times: number[] = [];
    for (let us = 0; us < 2e6; us += times.length % 20 === 0 ? 13_000 : 1100) times.push(us);
    const late = await run(times);
    expect(late.rms).toBeGreaterThan(3 * inTime.rms);
    expect(late.worst).toBeGreaterThan(2 * inTime.worst);
  });
});

test('as a program it runs both loops, prints their figures and plots them', async () => {
  const svg = join(project.folder, 'motor.svg');
  const main = 'examples/motor-control/main.js';
  const { code, stdout } = await project.run(main, ['0.5', svg]);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^ +real-time context +setInterval$/u);
  expect(lines[1]).toMatch(/^calls +500 +\d+$/u); // the channel has lost none of them
  expect(lines.slice(2, 8).every((line) => /\d/u.test(line))).toBe(true);
  expect(stdout).not.toMatch(/NaN|Infinity|undefined/u);
  const picture = readFileSync(svg, 'utf8');
  expect(picture).toMatch(/^<svg [^]*real-time context[^]*setInterval[^]*<\/svg>\n$/u);
  expect(picture).not.toMatch(/NaN|Infinity|undefined/u);
});
