// What runs: Node, and the addon.
import type { Finding } from './types.js';

/** The first version that is supported: "engines" in package.json. */
const oldest = [20, 19] as const;

/** `loaded`: the addon was; `addonError`: why it was not; neither: nobody tried. */
export function program(node: string, loaded: boolean, addonError: string | undefined): Finding[] {
  const findings = [nodeFinding(node)];
  if (loaded || addonError !== undefined) findings.push(addonFinding(addonError));
  return findings;
}

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const enough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  const words = `Node ${oldest.join('.')} or later, from https://nodejs.org/en/download`;
  return {
    name: 'Node',
    group: 'program',
    state: enough ? 'ok' : 'missing',
    found: version,
    why: `The package uses what Node has from ${oldest.join('.')} on.`,
    ...(enough ? {} : { fix: { words } }),
  };
}

function addonFinding(error: string | undefined): Finding {
  const now = 'node node_modules/moirai/scripts/build-addon.mjs';
  return {
    name: 'addon',
    group: 'program',
    state: error === undefined ? 'ok' : 'missing',
    found: error ?? 'loaded',
    why: 'All that the package does on threads and memory is native code.',
    ...(error === undefined ? {} : { fix: { now } }),
  };
}
