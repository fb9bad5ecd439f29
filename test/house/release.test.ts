// What stands in the way of a release is found, each alone.
import { expect, test } from 'vitest';

const ready = {
  manifest: { version: '1.2.0', repository: 'somewhere' as string | undefined },
  lock: { version: '1.2.0' },
  changelog: `# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-31\n\n### Added\n\n- Something.\n`,
  tags: ['v1.1.0', 'v1.2.0-rc.1', 'nightly'],
  isClean: true,
  files: ['prebuilds/linux-x64/moirai.node', 'prebuilds/linux-arm64/moirai.node'],
};

const url = new URL('../../scripts/release-rules.mjs', import.meta.url);
const { releaseProblems } = (await import(url.href)) as {
  readonly releaseProblems: (facts: typeof ready) => string[];
};
const problems = (change: Partial<typeof ready>): string[] =>
  releaseProblems({ ...ready, ...change });

test('nothing stands in the way of one that is ready', () => {
  expect(problems({})).toEqual([]);
});

test.each<[string, Partial<typeof ready>, RegExp]>([
  ['no version', { manifest: { ...ready.manifest, version: 'next' } }, /next is no version/],
  ['changes', { isClean: false }, /not committed/],
  [
    'another version in the lock',
    { lock: { version: '1.1.0' } },
    /package-lock\.json says 1\.1\.0/,
  ],
  ['a version that is out', { tags: ['v1.2.0'] }, /tagged already/],
  ['an older version', { tags: ['v1.10.0'] }, /does not come after v1\.10\.0/],
  [
    'no section',
    { changelog: ready.changelog.replace('1.2.0', '1.1.0') },
    /has no "## \[1\.2\.0\]/,
  ],
  ['no date', { changelog: ready.changelog.replace(' - 2026-01-31', '') }, /no date/],
  ['an empty section', { changelog: ready.changelog.replace('- Something.', '') }, /says nothing/],
  [
    'no place for what comes next',
    { changelog: ready.changelog.replace('## [Unreleased]\n', '') },
    /has no "## \[Unreleased\]"/,
  ],
  [
    'entries left behind',
    { changelog: ready.changelog.replace('## [Unreleased]\n', '## [Unreleased]\n\n- More.\n') },
    /entries under \[Unreleased\]/,
  ],
  ['no repository', { manifest: { version: '1.2.0', repository: undefined } }, /"repository"/],
  ['a binary that is missing', { files: ready.files.slice(0, 1) }, /no prebuilds\/linux-arm64/],
])('%s', (_, change, problem) => {
  const found = problems(change);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(problem);
});

test('a release comes after its own candidates, and they after each other', () => {
  const version = (own: string): Partial<typeof ready> => ({
    manifest: { ...ready.manifest, version: own },
    lock: { version: own },
    changelog: ready.changelog.replace('1.2.0', own),
  });
  expect(problems({ ...version('1.2.0-rc.10'), tags: ['v1.2.0-rc.9'] })).toEqual([]);
  expect(problems({ ...version('1.2.0-rc.1'), tags: ['v1.2.0'] })).toHaveLength(1);
});
