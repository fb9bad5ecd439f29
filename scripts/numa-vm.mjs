#!/usr/bin/env node
// Runs one program in a virtual machine with NUMA nodes, and ends as the program did:
//
//   node scripts/numa-vm.mjs [--timeout SECONDS] [--with PATH]... [--out FOLDER] SHAPE PROGRAM [WORD...]
//
//   node scripts/numa-vm.mjs four numactl -H
//   node scripts/numa-vm.mjs --with fixtures tiers try.mjs 42
//
// SHAPE is one of test/vm/shapes.mjs. PROGRAM is a JavaScript file, another executable file, or a
// command of the guest (busybox, node, numactl). It starts in /vm, where the built package is and each
// file of this project has its usual place; others lie in /vm itself. FOLDER gets what it leaves in /out.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { shapes } from '../test/vm/shapes.mjs';
import { NoPackages } from './debian.mjs';
import { NoGuest, withLibraries } from './vm/base.mjs';
import { boot } from './vm/boot.mjs';
import { builtPackage, inGuest, lay } from './vm/project.mjs';

const words = process.argv.slice(2);
const files = builtPackage();
let timeoutSeconds = 300;
let out;
while (words[0]?.startsWith('--')) {
  const [option, value = ''] = words.splice(0, 2);
  if (option === '--timeout') timeoutSeconds = Number(value);
  else if (option === '--out') out = resolve(value);
  else if (option === '--with')
    for (const [path, file] of lay(resolve(value))) files.set(path, file);
  else throw new Error(`unknown option ${option}`);
}
const [shape, program, ...rest] = words;
if (!Object.hasOwn(shapes, shape ?? '') || program === undefined) {
  console.error(`usage: numa-vm.mjs [options] ${Object.keys(shapes).join('|')} PROGRAM [WORD...]`);
  process.exit(2);
}

let command = [program, ...rest];
if (existsSync(program)) {
  const path = inGuest(resolve(program));
  const script = /\.[cm]?js$/.test(program);
  const laid = script ? lay(resolve(program)) : withLibraries(program, path);
  for (const [name, file] of laid) files.set(name, file);
  command = [...(script ? ['node'] : []), `/${path}`, ...rest];
}

try {
  const onOutput = (text) => process.stdout.write(text);
  const end = await boot({ shape, command, files, timeoutSeconds, onOutput, out });
  if ('died' in end) console.error(`the guest died: ${end.died}`);
  process.exitCode = 'died' in end ? 70 : end.status;
} catch (error) {
  if (!(error instanceof NoGuest || error instanceof NoPackages)) throw error;
  console.error(`no guest: ${error.message}`);
  process.exitCode = 69;
}
