#!/usr/bin/env bash
# Builds the addon under AddressSanitizer and runs 1,000 executors, started and closed, buffers and regions
# of memory, and a short campaign with it.  usage: campaign-leaks.sh [lives] [tasks]
#
# Checked: every access of the addon's own code to heap memory (overflow, use after free, double free),
# and that what its code allocates is freed, or still reachable, at the end of the process
# (LeakSanitizer, stacks in the addon only). Not checked: accesses by Node, V8 and compiled JavaScript,
# which are not instrumented; and the shared memory of slots and payloads, which is V8's and whose blocks
# the arena hands out. What stays reachable is bounded by many-lives.mjs, which measures threads,
# descriptors and memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lives=${1:-1000}
tasks=${2:-20000}
out=build/asan/build/Release
include=$(node -e "import('./scripts/node-headers.mjs').then((m) => console.log(m.nodeDirectory() ?? ''))")
[ -n "$include" ] || { echo 'no headers beside this node: set npm_config_nodedir' >&2; exit 1; }

mkdir -p "$out"
# As in binding.gyp, but for the sanitizer and what it links; frame pointers for its stacks.
(cd native && g++ -std=c++20 -O1 -g -fPIC -shared -Wall -Wextra -Wpedantic -Werror -fno-exceptions \
  -fno-rtti -fno-threadsafe-statics -fno-omit-frame-pointer -fvisibility=hidden -fsanitize=address \
  -DNAPI_VERSION=9 -I. -isystem "$include/include/node" $(cat sources.txt) \
  -Wl,--version-script=exports.map -o "../$out/moirai.node")

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

export MOIRAI_PREBUILD=$PWD/build/asan
LD_PRELOAD=$(g++ -print-file-name=libasan.so)
export LD_PRELOAD
# Node's own handlers and stacks: no alternate signal stack, and V8 reserves address space of its own.
export ASAN_OPTIONS=detect_leaks=1:use_sigaltstack=0:allocator_may_return_null=1:detect_odr_violation=0:abort_on_error=0:exitcode=23
export LSAN_OPTIONS=exitcode=0
ASAN_OPTIONS+=:log_path=$reports/report

# V8 and Node leave much to the end of the process: of leaks, those count whose memory the addon asked
# for, or Node for it when it was called from there. Suppressions cannot say so: they match any frame.
check() {
  echo "== $1"
  shift
  rm -f "$reports"/*
  "$@"
  local found=0
  find "$reports" -type f -exec cat {} + | awk '
    /ERROR: AddressSanitizer/ { bad = 1 }
    bad { print }
    /leak of .* allocated from:$/ { block = ""; ours = 0; inside = 1 }
    inside { block = block $0 "\n" }
    inside && /^ *#[0-5] .*(addon|core)\/[a-z_\/]+\.(cc|h):[0-9]/ { ours = 1 }
    inside && /^$/ { seen++; if (ours) { printf "%s", block; leaks++ } inside = 0 }
    END { printf "%d leaks in the process, %d of the addon\n", seen, leaks; exit bad || leaks > 0 }
  ' || found=1
  [ "$found" = 0 ] || exit 1
}

check "$lives lives" node --expose-gc test/executor/fixtures/many-lives.mjs "$lives" sanitized
check "$tasks buffers" node test/memory/fixtures/many-lives.mjs "$tasks" 1000 sanitized
check "$tasks tasks" node test/campaign/main.mjs --tasks "$tasks" --seeds 1 --sanitized
