#!/usr/bin/env bash
# Searches every state of native/model/parking.pml, the parking protocol: none may break a promise,
# and with a mistake planted in the protocol some must. With options of the model, as WORKERS=3 TASKS=1
# SPARING, searches that alone; the last may be --breaks. As many searches at a time as there are CPUs.
# Installs spin on Debian when it may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
command -v spin >/dev/null || missing+=(spin)
command -v gcc >/dev/null || missing+=(gcc)
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

model=$PWD/native/model/parking.pml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# search OPTION...: searches the model so bounded; its report is in $report, $errors says what it found.
search() {
  rm -rf "$scratch/pan"
  mkdir "$scratch/pan"
  (
    cd "$scratch/pan"
    spin -a "${@/#/-D}" "$model" >spin.out
    # -E: a state in which nobody can go on is good or bad by the assertions in init.
    gcc -O3 -w -DSAFETY -DNOFAIR -o pan pan.c
    ./pan -E -m1000000 -w24 >report 2>&1 || true
  )
  report=$scratch/pan/report
  errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' "$report")
  if ! grep -q 'errors: ' "$report" || grep -q 'search depth too small\|out of memory' "$report"; then
    errors='an incomplete search'
  fi
  printf '%-58s %s states, depth %s, %s s, %s MB\n' "$*" \
    "$(awk '/states, stored/ {printf "%d", $1}' "$report")" \
    "$(sed -n 's/.*depth reached \([0-9]*\),.*/\1/p' "$report")" \
    "$(sed -n 's/^pan: elapsed time \([0-9.]*\) seconds/\1/p' "$report" | grep . || echo 0)" \
    "$(awk '/total actual memory usage/ {printf "%d", $1}' "$report")"
}

holds() {
  search "$@"
  [ "$errors" != 0 ] || return 0
  failed=1
  echo "FAILED: $errors, expected none. The way there:"
  trail=$(find "$scratch/pan" -name '*.trail')
  [ -z "$trail" ] || spin -k "$trail" -p "${@/#/-D}" "$model" | tail -n 150
}

breaks() {
  search "$@"
  [ "$errors" != 1 ] || return 0
  failed=1
  echo "FAILED: the planted mistake was not found"
}

if [ $# -gt 0 ]; then
  if [ "${!#}" = --breaks ]; then breaks "${@:1:$#-1}"; else holds "$@"; fi
  exit "$failed"
fi

# each FLAG...: a search for each line of the input, and what they have found, as they end.
each() {
  # Not with a blank at the end: xargs would take the next line for more of it.
  sed "s/\$/${*:+ $*}/" | xargs -L1 -P "$(nproc)" "$0" || failed=1
}

echo '== the protocol, the longest search first: no error may be found'
each <<'SEARCHES'
TASKS=1 SPAWNS=1 SPARING TIMER LONG AT_ONCE
TASKS=2 SPARING TIMER LONG AT_ONCE
TASKS=2 SPARING ASYNCS=1 LONG_ASYNC AT_ONCE
TASKS=1 NODES=2 SPARING
TASKS=1 TIMER
TASKS=1 SPAWNS=1 EAGER LONG
TASKS=1 SPARING LEAVES=1
TASKS=2 EAGER LONG
TASKS=1 SPARING WAKEUPS=1
TASKS=2 BLOCKING LONG
SEARCHES

echo '== with a mistake planted: an error must be found'
each --breaks <<'SEARCHES'
TASKS=1 SPARING MUTANT_NO_LAST_LOOK
TASKS=1 SPARING MUTANT_COUNTERS_FIRST
TASKS=1 SPARING MUTANT_BIT_FIRST
TASKS=1 SPARING MUTANT_UNCOUNTED
TASKS=1 SPARING MUTANT_FLAG_FIRST
TASKS=1 SPARING MUTANT_LOOK_FIRST
TASKS=1 SPARING LEAVES=1 MUTANT_SILENT_LEAVE
TASKS=2 SPARING ASYNCS=1 LONG_ASYNC AT_ONCE MUTANT_SILENT_SATURATION
TASKS=2 SPARING ASYNCS=1 LONG_ASYNC AT_ONCE MUTANT_SATURATED_COUNT
TASKS=2 EAGER LONG MUTANT_SILENT_SEARCHER
TASKS=2 EAGER LONG MUTANT_LAST_IS_ONE
TASKS=2 BLOCKING LONG MUTANT_SILENT_SEARCHER
TASKS=2 SPARING TIMER LONG AT_ONCE MUTANT_UNASKED
TASKS=1 NODES=2 SPARING MUTANT_ANY_SEARCHER
TASKS=1 NODES=2 SPARING MUTANT_BIT_FIRST
TASKS=1 SPAWNS=1 EAGER LONG MUTANT_SILENT_SPAWN
TASKS=1 SPAWNS=1 SPARING TIMER LONG AT_ONCE MUTANT_SPAWN_UNASKED
TASKS=1 SPAWNS=1 SPARING TIMER LONG AT_ONCE MUTANT_COUNTED_LATE
TASKS=1 SPAWNS=2 SPARING TIMER LONG AT_ONCE MUTANT_ADD_FIRST
TASKS=1 SPAWNS=1 SPARING TIMER AT_ONCE MUTANT_SILENT_END
SEARCHES

exit "$failed"
