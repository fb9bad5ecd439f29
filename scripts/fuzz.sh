#!/usr/bin/env bash
# Fuzzes what is read from shared memory, native/fuzz/*_fuzz.cc, with libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer:  npm run fuzz -- [--seconds N]   (60, of each target)
# Inputs that were found in a run stay in native/build/fuzz; native/fuzz/corpus is what a run begins with.
# An input that breaks something is left there as crash-*.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/native-files.sh"
seconds=60
[ "${1:-}" != --seconds ] || seconds=$2

runtime() { ls /usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-"$(uname -m)".a 2>/dev/null; }
if ! { clang_tool clang++ && runtime; } >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -qq --no-install-recommends clang-14 libclang-rt-14-dev >/dev/null ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends clang-14 libclang-rt-14-dev >/dev/null; }
  else
    echo 'skipped: clang 14 with libFuzzer is not installed (Debian 12: clang-14 libclang-rt-14-dev)' >&2
    exit 0
  fi
fi
compiler=$(clang_tool clang++)
out=native/build/fuzz
flags=(-std=c++20 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined
  -fno-sanitize-recover=undefined -Inative)
rm -rf "$out/objects"
mkdir -p "$out/objects"
# What channels are made of.
native_files 'core/*.cc' | grep -v _test.cc | grep -E 'core/(base|memory|sync|channel)/' |
  xargs -P "$(nproc)" -I{} sh -c \
    'file=$1; shift; exec "$@" -fsanitize=fuzzer-no-link -c "$file" -o "$0/$(basename "$file" .cc).o"' \
    "$out/objects" {} "$compiler" "${flags[@]}"
for target in native/fuzz/*_fuzz.cc; do
  name=$(basename "$target" .cc)
  mkdir -p "$out/$name"
  "$compiler" "${flags[@]}" -fsanitize=fuzzer "$target" "$out"/objects/*.o -lpthread \
    -o "$out/$name.bin"
  "$out/$name.bin" -max_total_time="$seconds" -max_len=1024 -timeout=10 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix="$out/$name/" "$out/$name" "native/fuzz/corpus/$name"
done
