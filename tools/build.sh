#!/usr/bin/env bash
# colcon build of the whole workspace, run by the virtual environment's interpreter, which so becomes the nodes' own.
# Links instead of copies (--symlink-install): Python sources, config/ and launch/ are live.
cd "$(dirname "$0")/.." || exit
. tools/env.sh
exec python -c 'import sys; from colcon_core.command import main; sys.exit(main())' \
    build --symlink-install --executor sequential --event-handlers console_direct+ \
    --cmake-args -DBUILD_TESTING=OFF "-DPython3_EXECUTABLE=$PWD/.venv/bin/python"
