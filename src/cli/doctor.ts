// `moirai doctor`: what moirai/doctor finds, as text or JSON.
import { examine, type Examination, type Finding } from '../doctor.js';
import type { Capabilities } from '../index.js';
import { helpOf, parse, type Options } from './arguments.js';
import { doctorText } from './doctor-text.js';
import { styleFor } from './style.js';

const options = {
  cpu: {
    kind: 'integer',
    placeholder: 'N',
    min: 0,
    max: 65_535,
    help: 'the CPU of the loop (an isolated one, or the last)',
  },
  json: { kind: 'flag', help: 'the findings as JSON' },
  root: {
    kind: 'text',
    placeholder: 'DIR',
    help: "another machine's /proc and /sys, copied to DIR",
  },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies Options;

const help = (): string => `Usage: moirai doctor [options]

What this machine and this process lack for real-time loops and for performance: the state of each
prerequisite, why it matters, and the command, systemd line or kernel parameter that puts it right.
Changes nothing.

${helpOf(options)}

Exit codes: 0 nothing is missing (some may be better); 1 something is missing; 2 wrong arguments.
`;

export async function run(words: readonly string[]): Promise<number> {
  const { values } = parse(options, words);
  if (values.help) {
    process.stdout.write(help());
    return 0;
  }
  const { cpu, root } = values;
  const examination = examine({ cpu, root, ...(root === undefined ? await askKernel() : {}) });
  const { findings } = examination;
  if (values.json) {
    const report = { ...examination, counts: countsOf(findings) };
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  } else {
    const style = styleFor(process.stdout.isTTY, process.env);
    process.stdout.write(doctorText(examination, countsOf(findings), style));
  }
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

/** What only native code can try. Without it, that is a finding, and files have to do. */
async function askKernel(): Promise<{ probes: Capabilities } | { addonError: string }> {
  try {
    const { capabilities } = await import('../index.js');
    return { probes: capabilities() };
  } catch (error) {
    const [addonError = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { addonError };
  }
}

export type Counts = Readonly<Record<Finding['state'], number>>;

function countsOf(findings: Examination['findings']): Counts {
  const count = (wanted: Finding['state']): number =>
    findings.filter(({ state }) => state === wanted).length;
  return {
    ok: count('ok'),
    improvable: count('improvable'),
    missing: count('missing'),
    unknown: count('unknown'),
  };
}
