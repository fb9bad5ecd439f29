# Sourced by the scripts for C++: the list of files, and the one version of the clang tools we use.
# Versions differ in what they warn of and where they break lines; Debian 12 has 14.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# native_files PATTERN...: tracked and new files under native/, bench/native/ and
# bench/simulator/, not ignored ones.
native_files() {
  local pattern
  for pattern in "$@"; do
    git ls-files --cached --others --exclude-standard "native/$pattern" "bench/native/$pattern" \
      "bench/simulator/$pattern"
  done | while read -r file; do [ -e "$file" ] && echo "$file"; done
}

# clang_tool NAME: prints the command, or the reason why there is none on stderr.
clang_tool() {
  local command
  for command in "$1-14" "$1"; do
    if "$command" --version 2>/dev/null | grep -q 'version 14\.'; then
      echo "$command"
      return 0
    fi
  done
  echo "skipped: $1 14 is not installed (Debian 12: apt-get install $1)" >&2
  return 1
}
