import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('fixtures/many-lives.mjs', import.meta.url));

// A short turn of `npm run campaign:memory`.
test('many buffers and regions leave no mappings, memory or descriptors behind', () => {
  const output = execFileSync(process.execPath, [program, '20000', '2000'], { encoding: 'utf8' });
  expect(output.match(/: (?:mappings|residentKiB|descriptors) \d+/gu)).toHaveLength(6);
  expect(output).not.toContain('GROWN');
});
