#!/usr/bin/env bash
# What `make test` runs after lint. With arguments: those go to pytest as they are. Without: everything, several files at
# a time; then, alone, the tests that hold deadlines on the wall clock (marked "timing"), which a busy machine would fail.
set -u
[ $# -gt 0 ] && exec python -m pytest "$@"
workers=$(nproc)
[ "$workers" -gt 4 ] && workers=4
# Several threads a process would wait for each other on the same cores.
OMP_NUM_THREADS=1 python -m pytest --numprocesses "$workers" --dist loadfile --no-loadscope-reorder -m "not timing"
together=$?
python -m pytest -m timing
alone=$?
[ $together = 0 ] && [ $alone = 0 ]
