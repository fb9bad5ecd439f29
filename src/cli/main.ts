#!/usr/bin/env node
// The command `moirai`: finds the subcommand, loads that and nothing else, and sets the exit code.
//
// A subcommand is a module with `run(words)`, which gives its exit code. Nobody calls process.exit: what was
// written to a pipe would be lost.
import { readFileSync } from 'node:fs';

const help = `Usage: moirai <command> [options]

  doctor   what this machine lacks for real time and performance, and the exact fix
  rt       how late periodic ticks in JavaScript come: cyclictest for loops

  moirai <command> --help   its options and exit codes
  moirai --version
`;

/** Of sysexits and shells: a command that was called wrongly. */
const wrongUsage = 2;
const failed = 1;

interface Subcommand {
  run(words: readonly string[]): number | Promise<number>;
}

const commands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  doctor: () => import('./doctor.js'),
  rt: () => import('./rt.js'),
};

async function main([name, ...words]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help);
    return 0;
  }
  if (name === '--version') {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    process.stdout.write(`${(JSON.parse(text) as { version: string }).version}\n`);
    return 0;
  }
  const load = Object.hasOwn(commands, name ?? '') ? commands[name ?? ''] : undefined;
  if (load === undefined) {
    const wrong = name === undefined ? 'no command' : `no command '${name}'`;
    process.stderr.write(`moirai: there is ${wrong}: it must be doctor or rt\n\n${help}`);
    return wrongUsage;
  }
  try {
    return await (await load()).run(words);
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: string };
    // What is not an error of this package is one in it, and wants its stack.
    if (typeof code !== 'string' || !code.startsWith('ERR_MOIRAI_')) throw error;
    const isUsage = code === 'ERR_MOIRAI_INVALID_ARGUMENT';
    process.stderr.write(`moirai ${name}: ${isUsage ? inWordsOfShell(message) : message}\n`);
    if (!isUsage) return failed;
    process.stderr.write(`moirai ${name} --help tells more\n`);
    return wrongUsage;
  }
}

/** What a function calls its option is one of the command line here. */
function inWordsOfShell(message: string | undefined): string | undefined {
  return message?.replace(/^options\.(\w+)/u, '--$1');
}

// A reader that has seen enough, as `head`, is no failure; a full disk is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`moirai: the output cannot be written: ${error.message}\n`);
  process.exitCode = failed;
});
const outcome = await main(process.argv.slice(2));
process.exitCode ??= outcome;
