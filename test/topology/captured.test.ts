// Every captured machine beside the project, against lstopo reading the same files.
import { describe, expect, test } from 'vitest';
import { loadTopology, topology } from 'moirai';
import { expectAgreement } from './agreement.js';
import { captureFolder, captures, withCapture } from './captured-machines.js';
import { lstopo, lstopoMissing } from './hwloc.js';

const reason = lstopoMissing
  ? 'lstopo is not installed (apt-get install hwloc)'
  : captures.length === 0
    ? `there are no captured machines in ${captureFolder}`
    : undefined;
if (reason !== undefined) console.log(`captured machines are not compared: ${reason}`);

describe.skipIf(reason !== undefined)('a captured machine agrees with lstopo', () => {
  test.each(captures)('%s', (archive) => {
    withCapture(archive, (root) => {
      const ours = loadTopology(root);
      expectAgreement(ours, lstopo(root));
      expect(ours.toString().split('\n').length).toBeGreaterThan(2);
      expect(ours.toSVG()).toMatch(/^<svg [^]*<\/svg>\n$/);
    });
  });
});

describe.skipIf(lstopoMissing)('this machine', () => {
  test('agrees with lstopo', () => {
    const ours = topology();
    expectAgreement(ours, lstopo());
    expect(ours.warnings).toEqual([]);
  });
});
