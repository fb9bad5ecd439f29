#!/usr/bin/env bash
# Builds and tests native/core:  test-native.sh [release] [asan-ubsan] [tsan]   (default: all three)
# Installs what that takes on Debian when it may. With REPORTS set, writes a JUnit file per preset.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../native"

missing=()
command -v cmake >/dev/null || missing+=(cmake)
[ -e /usr/include/gtest/gtest.h ] || missing+=(libgtest-dev)
[ -e /usr/include/benchmark/benchmark.h ] || missing+=(libbenchmark-dev)
[ -e /usr/include/tbb/version.h ] || [ -e /usr/include/oneapi/tbb/version.h ] || missing+=(libtbb-dev)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
  else
    echo "please install ${missing[*]}" >&2
    exit 1
  fi
fi

[ $# -gt 0 ] || set -- release asan-ubsan tsan
for preset in "$@"; do
  echo "== $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --parallel "$(nproc)" -- --quiet
  run=(ctest --preset "$preset" --no-tests=error)
  [ -z "${REPORTS:-}" ] || run+=(--output-junit "$REPORTS/native-$preset.xml")
  # g++ 12's ThreadSanitizer cannot place its shadow memory where the kernel randomizes by 32 bits.
  [ "$preset" != tsan ] || run=(setarch "$(uname -m)" -R "${run[@]}")
  "${run[@]}"
done
