// Every captured machine beside the project, against lstopo reading the same files.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTopology, topology } from 'moirai';
import { expectAgreement } from './agreement.js';
import { lstopo, lstopoMissing } from './hwloc.js';

const folder = fileURLToPath(new URL('../../../shared/topologies', import.meta.url));
const captures = existsSync(folder)
  ? readdirSync(folder).filter((name) => name.endsWith('.tar.bz2'))
  : [];
const reason = lstopoMissing
  ? 'lstopo is not installed (apt-get install hwloc)'
  : captures.length === 0
    ? `there are no captured machines in ${folder}`
    : undefined;
if (reason !== undefined) console.log(`captured machines are not compared: ${reason}`);

describe.skipIf(reason !== undefined)('a captured machine agrees with lstopo', () => {
  let scratch = '';
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'moirai-captured-'));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(captures)('%s', (archive) => {
    const directory = mkdtempSync(join(scratch, 'machine-'));
    execFileSync('tar', ['-xjf', join(folder, archive), '-C', directory, '--no-same-owner']);
    const root = join(directory, readdirSync(directory)[0] ?? '');
    const ours = loadTopology(root);
    expectAgreement(ours, lstopo(root));
    expect(ours.toString().split('\n').length).toBeGreaterThan(2);
    expect(ours.toSVG()).toMatch(/^<svg [^]*<\/svg>\n$/);
    rmSync(directory, { recursive: true, force: true });
  });
});

describe.skipIf(lstopoMissing)('this machine', () => {
  test('agrees with lstopo', () => {
    const ours = topology();
    expectAgreement(ours, lstopo());
    expect(ours.warnings).toEqual([]);
  });
});
