// Writes the TypeScript union, the C++ enum and docs/errors.md from src/base/error-table.json.
// With --check, writes nothing and fails when a file on disk differs.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const { codes } = JSON.parse(readFileSync(new URL('src/base/error-table.json', root), 'utf8'));
const origin = 'Generated from src/base/error-table.json by `npm run generate`.';

const camel = (name) =>
  name
    .toLowerCase()
    .split('_')
    .map((part) => part[0].toUpperCase() + part.slice(1))
    .join('');

const typescript = `// ${origin}

/** Every failure this package reports has one of these codes. */
export type ErrorCode =
${codes.map(([name]) => `  | 'ERR_MOIRAI_${name}'`).join('\n')};

/** What each code means, in the order of the native enumeration. */
export const errorMeanings: ReadonlyMap<ErrorCode, string> = new Map<ErrorCode, string>([
${codes
  .map(([name, meaning]) => {
    const quote = meaning.includes("'") ? '"' : "'";
    const line = `  ['ERR_MOIRAI_${name}', ${quote}${meaning}${quote}],`;
    return line.length <= 100
      ? line
      : `  [\n    'ERR_MOIRAI_${name}',\n    ${quote}${meaning}${quote},\n  ],`;
  })
  .join('\n')}
]);
`;

const cpp = `// ${origin}
#pragma once

#include <cstdint>

namespace moirai {

enum class ErrorCode : uint8_t {
${codes.map(([name]) => `  k${camel(name)},`).join('\n')}
};

inline constexpr const char* kErrorCodeNames[] = {
${codes.map(([name]) => `    "ERR_MOIRAI_${name}",`).join('\n')}
};

}  // namespace moirai
`;

const markdown = `# Errors

<!-- ${origin} -->

Every error this package creates carries a stable \`code\`. Wrong arguments are \`TypeError\` or
\`RangeError\`; every other failure is a \`MoiraiError\`. Messages may change between versions, codes do
not.

| code | meaning |
| --- | --- |
${codes.map(([name, meaning]) => `| \`ERR_MOIRAI_${name}\` | ${meaning} |`).join('\n')}
`;

const outputs = [
  ['src/base/error-codes.ts', typescript],
  ['native/core/base/error_codes.h', cpp],
  ['docs/errors.md', markdown],
];
const check = process.argv.includes('--check');
for (const [path, text] of outputs) {
  const url = new URL(path, root);
  if (!check) {
    writeFileSync(url, text);
  } else if (readFileSync(url, 'utf8') !== text) {
    console.error(`${path} is out of date: run \`npm run generate\``);
    process.exitCode = 1;
  }
}
