#!/usr/bin/env bash
# clang-tidy over the C++ sources, with the checks of .clang-tidy. Headers are seen through the files
# that include them; the core's must also compile each by itself. With --tests the tests, too, which takes
# twice as long.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/native-files.sh"
tool=$(clang_tool clang-tidy) || exit 0
nodedir=$(node --input-type=module -e \
  "import { nodeDirectory } from './scripts/node-headers.mjs'; console.log(nodeDirectory() ?? '')")
files=$(native_files 'core/*.cc')
headers=$(native_files 'core/*.h')
if [ -n "$nodedir" ]; then
  files+=$'\n'$(native_files 'addon/*.cc')
else
  echo 'skipped: native/addon (no Node headers beside this node)' >&2
fi
if [ ! -e /usr/include/gtest/gtest.h ]; then
  echo 'skipped: *_test.cc and *_test.h (libgtest-dev is not installed)' >&2
  headers=$(grep -v '_test\.h$' <<<"$headers" || true)
fi
if [ "${1:-}" != --tests ] || [ ! -e /usr/include/gtest/gtest.h ]; then
  files=$(grep -v '_test\.cc$' <<<"$files" || true)
fi
xargs --no-run-if-empty -P "$(nproc)" -I{} g++ -std=c++20 -fsyntax-only -Inative -x c++ -include {} \
  /dev/null <<<"$headers"
# "N warnings generated" on stderr counts what system headers hold; only stdout is ours.
xargs --no-run-if-empty -P "$(nproc)" -I{} sh -c \
  '"$0" --quiet "$1" -- -x c++ -std=c++20 -Inative ${2:+-isystem "$2/include/node"} \
     -DNAPI_VERSION=9 2>/dev/null' "$tool" {} "$nodedir" <<<"$files"
echo "clang-tidy: $(grep -c . <<<"$files") files clean, $(grep -c . <<<"$headers") headers complete"
