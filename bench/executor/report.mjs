// The same tables as text and as Markdown, under what they must be read with.
import { median } from '../machine.mjs';
import { tables } from './tables.mjs';

function caption({ machine, method }) {
  const { versions } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const commit = `${machine.commit}${machine.modified ? ' with changes' : ''}`;
  return [
    `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}; ${peers.join(', ')}; commit ${commit}; ${machine.date.slice(0, 10)}.`,
    `Medians of ${method.rounds} interleaved round${method.rounds === 1 ? '' : 's'}, each contender in a process of its own; ${Math.ceil(method.seconds / 60)} min in all.`,
  ];
}

function placement({ method, results, machine }) {
  if (method.cpus === null) return ['Only one CPU: main thread and workers share it.'];
  const { main, worker } = method.cpus;
  const astray = Object.entries(results)
    .filter(([key]) => key.endsWith('/1'))
    .flatMap(([key, ofContenders]) =>
      Object.entries(ofContenders)
        .filter(([, { threads: at }]) => at.main !== `${main}` || !at.others.includes(`${worker}`))
        .map(([contender, { threads: at }]) => `${contender} in ${key} (${at.main}, ${at.others})`),
    );
  return [
    `One worker: main thread on CPU ${main}, worker on CPU ${worker}; V8's helper threads are not pinned.`,
    astray.length === 0 ? 'No contender was placed otherwise.' : `Not so: ${astray.join('; ')}.`,
    `Two workers: nothing is pinned${machine.cpus < 3 ? `, and with ${machine.cpus} CPUs the main thread and the workers take time from each other: these figures say how a pool shares CPUs, not how it scales` : ''}.`,
  ];
}

function load({ measured }) {
  const part = (of) => measured.rounds.map((round) => round.load[of]);
  const say = (values) =>
    `${median(values).toFixed(2)} CPUs (at most ${Math.max(...values).toFixed(2)} in a round)`;
  return `While it ran, other processes took ${say(part('others'))}, the hypervisor ${say(part('stolen'))}.`;
}

export function text(report) {
  const lines = [...caption(report), ...placement(report), load(report), ''];
  for (const { title, head, rows } of tables(report)) {
    const widths = head.map((_, column) =>
      Math.max(...[head, ...rows].map((row) => row[column].length)),
    );
    const line = (row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
        )
        .join('  ');
    lines.push(title, line(head), ...rows.map(line), '');
  }
  return lines.join('\n');
}

export function markdown(report) {
  const notes = Object.entries(report.contenders).filter(([, note]) => note !== '');
  const lines = ['# Executor benchmark', '', 'Made by `npm run bench`.', ''];
  lines.push(caption(report).join('\n'), placement(report).join('\n'), load(report), '');
  if (report.verdicts.length > 0) {
    lines.push('![Every contender: tasks a second and latency](executor.svg)', '');
  }
  for (const { title, head, rows } of tables(report)) {
    const line = (row) => `| ${row.join(' | ')} |`;
    const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
    lines.push(`## ${title}`, '', line(head), line(rule), ...rows.map(line), '');
  }
  lines.push('## Contenders', '', ...notes.map(([name, note]) => `- ${name}: ${note}.`), '');
  return lines.join('\n');
}
