#!/usr/bin/env bash
# What `make test` runs after lint. With arguments: those go to pytest as they are. Without: everything, several files at
# a time; then, alone, the tests that hold deadlines on the wall clock (marked "timing"), which a busy machine would fail.
#
# Most of the minutes go to real processes that find each other over DDS; on two shared cores a discovery that is late once
# in some thousand times would decide every second run. So what failed is run once more, alone, and named; what fails
# twice has failed. A test that needs its second run is a fault of the test: mend it.
set -u
[ $# -gt 0 ] && exec python -m pytest "$@"
workers=$(nproc)
[ "$workers" -gt 4 ] && workers=4

twice() {  # pytest's options: all of them at first, then what failed
    python -m pytest "$@" "${side_by_side[@]}"
    status=$?
    [ $status != 1 ] && return $status
    echo "test.sh: the tests that failed above are run once more, alone" >&2
    python -m pytest "$@" --last-failed --last-failed-no-failures none
}

# Several threads a process would wait for each other on the same cores.
export OMP_NUM_THREADS=1
side_by_side=(--numprocesses "$workers" --dist loadfile --no-loadscope-reorder)
twice -m "not timing"
together=$?
[ $together = 2 ] && exit 2  # Ctrl-C
unset OMP_NUM_THREADS
side_by_side=()
twice -m timing
alone=$?
[ $together = 0 ] && [ $alone = 0 ]
