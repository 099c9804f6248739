#!/usr/bin/env bash
# The lerobot backend and our LeRobot datasets against lerobot's real classes, in a virtual environment of its own (about 8 GB,
# some minutes the first time). tools/test_lerobot.sh [FOLDER]: where that environment is kept, by default .venv-lerobot.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv-lerobot}
if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-.venv/bin/python}" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements/optional/lerobot.txt pytest
# No ROS, nothing else of this repository: the backend and the writer of datasets alone, as a user of lerobot would import them.
exec env -u AMENT_PREFIX_PATH -u VIRTUAL_ENV PYTHONPATH=src/embodiedcomp_policy:src/embodiedcomp_eval \
    "$venv/bin/python" -m pytest -q --noconftest -p no:cacheprovider -c /dev/null --rootdir . \
    src/embodiedcomp_policy/test/test_lerobot.py src/embodiedcomp_eval/test/test_lerobot_dataset.py
