// Writes build/moirai.cdx.json: the package and what it depends on at run time, in CycloneDX 1.5, from
// package-lock.json. Fails where THIRD-PARTY.md does not name one of them, so that it stays complete.
//
//   node scripts/sbom.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const args = ['sbom', '--package-lock-only', '--workspaces=false', '--omit=dev'];
const output = execFileSync('npm', [...args, '--sbom-format=cyclonedx', '--sbom-type=library'], {
  cwd: fileURLToPath(root),
  stdio: ['ignore', 'pipe', 'inherit'],
});
const bill = JSON.parse(output.toString());
// npm gives the root the name of its folder.
bill.metadata.component.name = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).name;

console.log(`sbom: ${bill.components.length} dependencies at run time`);
const named = readFileSync(new URL('THIRD-PARTY.md', root), 'utf8');
for (const { name, version, licenses } of bill.components) {
  const licence = licenses?.map((each) => each.license?.id ?? each.expression).join(', ') ?? 'none';
  console.log(`sbom: ${name} ${version}, ${licence}`);
  if (named.includes(`[${name}]`)) continue;
  console.error(`sbom: THIRD-PARTY.md does not name ${name}`);
  process.exitCode = 1;
}
mkdirSync(new URL('build', root), { recursive: true });
writeFileSync(new URL('build/moirai.cdx.json', root), `${JSON.stringify(bill, null, 2)}\n`);
