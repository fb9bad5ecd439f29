// Findings for people: a line for what is well, and below the others why it matters and how to fix it.
import type { Examination, Finding, FindingGroup, Fix } from '../doctor.js';
import type { Counts } from './doctor.js';
import type { Style } from './style.js';

const titles: Readonly<Record<FindingGroup, string>> = {
  privileges: 'Privileges',
  kernel: 'Kernel',
  cpu: 'CPU',
  memory: 'Memory',
  program: 'Program',
};
const labels = {
  ok: ['ok', 'green'],
  improvable: ['better', 'yellow'],
  missing: ['missing', 'red'],
  unknown: ['unknown', 'dim'],
} as const;
const labelWidth = 9;
const fixes: readonly (keyof Fix)[] = ['now', 'keep', 'unit', 'boot', 'docker', 'words'];
const margin = ' '.repeat(2 + labelWidth);

export function doctorText(examination: Examination, counts: Counts, style: Style): string {
  const { cpu, kernel, node, findings } = examination;
  const names = Math.max(...findings.map(({ name }) => name.length)) + 2;
  const lines = [`moirai doctor: CPU ${cpu}, Linux ${kernel ?? 'unknown'}, Node ${node}`];
  for (const [group, title] of Object.entries(titles)) {
    const own = findings.filter((finding) => finding.group === group);
    lines.push('', style('bold', title), ...own.flatMap((finding) => rows(finding, names, style)));
  }
  const { ok, improvable, missing, unknown } = counts;
  const summary = `${ok} ok, ${improvable} could be better, ${missing} missing, ${unknown} unknown`;
  return `${[...lines, '', summary].join('\n')}\n`;
}

function rows(
  { name, state, found, why, fix = {} }: Finding,
  names: number,
  style: Style,
): string[] {
  const [label, colour] = labels[state];
  const first = `  ${style(colour, label.padEnd(labelWidth))}${name.padEnd(names)}${found}`;
  if (state === 'ok' || state === 'unknown') return [first];
  const told = fixes.flatMap((kind) => {
    const text = fix[kind];
    if (text === undefined) return [];
    return [`${margin}${style('dim', (kind === 'words' ? 'fix' : kind).padEnd(8))}${text}`];
  });
  return [first, `${margin}${style('dim', 'why'.padEnd(8))}${why}`, ...told];
}
