// Writes the task slot's layout for both languages from src/executor/layout.json.
// With --check, writes nothing and fails when a file on disk differs.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const layout = JSON.parse(readFileSync(new URL('src/executor/layout.json', root), 'utf8'));
const origin = 'Generated from src/executor/layout.json by `npm run generate`.';

const upper = (name) => name[0].toUpperCase() + name.slice(1);
const constants = [
  ['slotBytes', layout.slotBytes],
  ['inlineBytes', layout.inlineBytes],
  ['blockHeaderBytes', layout.blockHeaderBytes],
  ...Object.entries(layout.offsets).map(([name, offset]) => [`${name}Offset`, offset]),
  ...Object.entries(layout.bits).map(([name, bit]) => [`${name}Bit`, bit]),
  ...layout.priorities.map((name, index) => [`priority${upper(name)}`, index]),
  ['priorities', layout.priorities.length],
  ...layout.phases.map((name, index) => [`phase${upper(name)}`, index]),
  ...layout.kinds.map((name, index) => [`kind${upper(name)}`, index]),
];

const typescript = `// ${origin}
${constants.map(([name, value]) => `export const ${name} = ${value};`).join('\n')}
`;
const cpp = `// ${origin}
#pragma once

#include <cstdint>

namespace moirai::layout {

${constants.map(([name, value]) => `inline constexpr uint32_t k${upper(name)} = ${value};`).join('\n')}

}  // namespace moirai::layout
`;

const check = process.argv.includes('--check');
for (const [path, text] of [
  ['src/executor/layout.ts', typescript],
  ['native/core/executor/layout.h', cpp],
]) {
  const url = new URL(path, root);
  if (!check) {
    writeFileSync(url, text);
  } else if (readFileSync(url, 'utf8') !== text) {
    console.error(`${path} is out of date: run \`npm run generate\``);
    process.exitCode = 1;
  }
}
