// What must be true before a version can be published, as sentences about what is not.

const parse = (version) => /^(\d+)\.(\d+)\.(\d+)(?:-([\w.]+))?$/.exec(version)?.slice(1, 5);

/** Whether `a` comes after `b`, as Semantic Versioning has it for versions without build metadata. */
function isLater(a, b) {
  const [x, y] = [parse(a), parse(b)];
  const at = [0, 1, 2].find((i) => x[i] !== y[i]);
  if (at !== undefined) return Number(x[at]) > Number(y[at]);
  if (x[3] === undefined || y[3] === undefined) return x[3] === undefined && y[3] !== undefined;
  return x[3].localeCompare(y[3], 'en', { numeric: true }) > 0;
}

/** The text under `## [VERSION] - DATE`, up to the next version. */
function sectionOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  return sections.find((section) => section.startsWith(`[${version}]`));
}

/**
 * `manifest` and `lock`: package.json and package-lock.json; `tags`: of the repository; `isClean`: nothing
 * is changed and not committed; `files`: what would be packed.
 */
export function releaseProblems({ manifest, lock, changelog, tags, isClean, files }) {
  const { version } = manifest;
  if (parse(version) === undefined) return [`${version} is no version`];
  const problems = [];
  const say = (isWrong, problem) => {
    if (isWrong) problems.push(problem);
  };
  say(!isClean, 'there are changes that are not committed');
  say(lock.version !== version, `package-lock.json says ${lock.version}: run npm install`);
  say(tags.includes(`v${version}`), `v${version} is tagged already: raise the version`);
  for (const tag of tags) {
    const older = tag.slice(1);
    if (!tag.startsWith('v') || parse(older) === undefined || older === version) continue;
    say(!isLater(version, older), `${version} does not come after ${tag}`);
  }

  const section = sectionOf(changelog, version);
  say(section === undefined, `CHANGELOG.md has no "## [${version}] - YYYY-MM-DD"`);
  if (section !== undefined) {
    const [title, ...rest] = section.split('\n');
    say(!/\] - \d{4}-\d{2}-\d{2}$/.test(title), `CHANGELOG.md gives ${version} no date`);
    say(!/^- /m.test(rest.join('\n')), `CHANGELOG.md says nothing of ${version}`);
  }
  const left = sectionOf(changelog, 'Unreleased');
  say(left === undefined, 'CHANGELOG.md has no "## [Unreleased]" for what comes next');
  say(/^- /m.test(left ?? ''), 'CHANGELOG.md has entries under [Unreleased]: move them');

  say(manifest.repository === undefined, 'package.json has no "repository": provenance needs it');
  for (const arch of ['x64', 'arm64']) {
    const binary = `prebuilds/linux-${arch}/moirai.node`;
    say(!files.includes(binary), `the package has no ${binary}: npm run build:prebuilds`);
  }
  return problems;
}
