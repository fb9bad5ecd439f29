#!/usr/bin/env bash
# Formats the C++ sources; with --check, only says which differ.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/native-files.sh"
tool=$(clang_tool clang-format) || exit 0
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run -Werror)
native_files '*.cc' '*.h' | xargs --no-run-if-empty "$tool" "${mode[@]}"
