// `moirai rt`: starts a real-time thread, lets it tick, and tells how late it was.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { PeriodicTask, RealtimeContext, RtConstraints } from '../index.js';
import type * as ticks from './cli-ticks.js';
import { ArgumentError } from './arguments.js';
import { cyclictest } from './cyclictest.js';
import { Interruption } from './interruption.js';
import { liveLine, waitingFor } from './live-line.js';
import { rtHelp, rtValues, type RtValues } from './rt-options.js';
import { reportOf, reportText, type Comparison, type RtReport } from './rt-report.js';
import { styleFor } from './style.js';

const failed = 1;

type Context = RealtimeContext<typeof ticks>;

export async function run(words: readonly string[]): Promise<number> {
  const values = rtValues(words);
  if (values.help) {
    process.stdout.write(rtHelp());
    return 0;
  }
  const picture = values.svg === undefined ? undefined : openPicture(values.svg);
  const moirai = await import('../index.js');
  const cpu = values.policy === 'deadline' ? undefined : cpuFor(values.cpu, moirai);
  using interruption = new Interruption();
  await using rt = await moirai.RealtimeContext.start<typeof ticks>({
    tasks: new URL('./cli-ticks.js', import.meta.url),
    policy: constraintsOf(values, moirai.RtConstraints),
    cpu,
    mode: values.mode,
    spinUs: values['spin-us'],
    dmaLatencyUs: 0, // as cyclictest has it
    workerData: values.load,
    required: false,
  });
  const refusal = rt.granted.degraded.find(({ what }) => what === 'policy' || what === 'cpu');
  if (refusal !== undefined && !values.degraded) {
    process.stderr.write(refusedText(refusal.why));
    return failed;
  }
  const { task, error, seconds } = await measure(rt, values, interruption);
  const figures = task.stats();
  const comparison =
    values.compare && cpu !== undefined && error === undefined && !interruption.happened
      ? await compare(values, cpu, figures.wakeup, interruption)
      : undefined;
  const report = reportOf(values, rt.granted, figures, seconds, comparison);
  if (picture !== undefined) {
    writeSync(picture, figures.wakeup.toSVG(titleOf(report)));
    closeSync(picture);
  }
  const style = styleFor(process.stdout.isTTY, process.env);
  const text = values.json
    ? `${JSON.stringify(report, undefined, 2)}\n`
    : reportText(report, figures.wakeup, style);
  process.stdout.write(text);
  if (error !== undefined) process.stderr.write(`moirai rt: ${messageOf(error)}\n`);
  return error === undefined ? interruption.exitCode : failed;
}

/** At once: an hour later it would be a pity. */
function openPicture(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new ArgumentError('--svg', `a file that can be written (${messageOf(error)})`);
  }
}

function cpuFor(
  wanted: number | undefined,
  { topology }: Pick<typeof import('../index.js'), 'topology'>,
): number | undefined {
  const own = topology().cpus.filter(({ online, allowed }) => online && allowed);
  if (wanted === undefined) return (own.find(({ isolated }) => isolated) ?? own.at(-1))?.id;
  if (own.some(({ id }) => id === wanted)) return wanted;
  const list = own.map(({ id }) => id).join(', ');
  throw new ArgumentError('--cpu', `a CPU of this process (${list})`, String(wanted));
}

function constraintsOf(
  { policy, priority, 'period-us': periodUs, load }: RtValues,
  constraints: typeof RtConstraints,
): RtConstraints {
  switch (policy) {
    case 'fifo':
      return constraints.fifo(priority);
    case 'rr':
      return constraints.roundRobin(100_000, priority);
    default:
      // Room for the load and for what the thread does besides; the kernel admits it or not.
      return constraints.deadline({
        runtimeUs: Math.min(periodUs, 0.3 * periodUs + load),
        periodUs,
      });
  }
}

interface Measured {
  readonly task: PeriodicTask;
  readonly error: unknown;
  readonly seconds: number;
}

async function measure(
  rt: Context,
  { 'period-us': periodUs, duration }: RtValues,
  interruption: Interruption,
): Promise<Measured> {
  const over = new AbortController();
  let error: unknown;
  const began = performance.now();
  const task = rt.periodic('tick', {
    periodUs,
    onError: (reason) => {
      error = reason;
      over.abort();
    },
  });
  const live = liveLine(task, process.stderr);
  await new Promise<void>((resolve) => {
    const timer = duration === 0 ? undefined : setTimeout(resolve, duration * 1000);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    over.signal.addEventListener('abort', end, { once: true });
    interruption.signal.addEventListener('abort', end, { once: true });
    if (interruption.happened) end();
  });
  await task.stop();
  live.end();
  return { task, error, seconds: (performance.now() - began) / 1000 };
}

async function compare(
  { policy, priority, 'period-us': periodUs, duration }: RtValues,
  cpu: number,
  wakeup: ReturnType<PeriodicTask['stats']>['wakeup'],
  interruption: Interruption,
): Promise<Comparison> {
  const plan = { policy: policy === 'rr' ? 'rr' : 'fifo', priority, periodUs, cpu } as const;
  const latencies = await waitingFor(
    `cyclictest runs for ${duration} s`,
    cyclictest({ ...plan, seconds: duration }, interruption.signal),
    process.stderr,
  );
  if (typeof latencies === 'string') return { problem: latencies };
  const { p50, p90, p99, p999, max } = wakeup;
  const ours = { p50, p90, p99, p999, max };
  const ratios = Object.entries(ours).map(([name, us]) => {
    const theirs = latencies[name as keyof typeof ours];
    return [name, theirs > 0 ? us / theirs : undefined];
  });
  return { latencies, ratios: Object.fromEntries(ratios) as Record<keyof typeof ours, number> };
}

function refusedText(why: string): string {
  return [
    `moirai rt: ${why}`,
    '`moirai doctor` says what else is missing; --degraded measures without the policy',
    '',
  ].join('\n');
}

function titleOf({ thread, periodUs }: RtReport): string {
  return `Wake-up latency, ${periodUs} µs, ${thread}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
