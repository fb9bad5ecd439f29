// Prints the one line that counts a run of .ci/run:
//
//   node scripts/count-tests.mjs FOLDER PASSED FAILED
//
// adds up the test cases in FOLDER's JUnit reports (vitest, ctest and node --test each write them)
// and the steps that passed or failed without one. A report that lists a failed test already says
// what the failed step would.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder, stepsPassed, stepsFailed] = process.argv.slice(2);
const tests = { passed: 0, failed: 0, skipped: 0 };
for (const name of readdirSync(folder)) {
  const report = readFileSync(join(folder, name), 'utf8');
  for (const [, inside = ''] of report.matchAll(
    /<testcase\b(?:[^>"]|"[^"]*")*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    if (/<(?:failure|error)\b/.test(inside)) tests.failed++;
    else if (/<skipped\b/.test(inside)) tests.skipped++;
    else tests.passed++;
  }
}
const passed = tests.passed + Number(stepsPassed);
const failed = Math.max(tests.failed, Number(stepsFailed));
const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : '';
console.log(`\n${passed} passed, ${failed} failed${skipped}`);
