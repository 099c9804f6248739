#!/usr/bin/env bash
# Static checks, in the order of their speed; all of them run, and one failure is enough.
cd "$(dirname "$0")/.." || exit
failed=0
for check in "ruff check ." "ruff format --check ." "mypy"; do
    echo "lint: $check"
    timeout 600 $check || failed=1
done
exit $failed
