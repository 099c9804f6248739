"""The tutorial's commands, run in their order in an empty folder, as a stranger would: on the toy task."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from bag_examples import PERIOD, START, image, joint_state, picture, put
from interfaces import tutorial_commands

from embodiedcomp_eval.bags.writer import BagWriter
from embodiedcomp_eval.config import load_yaml


def command_lines() -> list[list[str]]:
    """Arguments of ``embodiedcomp`` for every command that needs no ROS 2 installation."""
    found = []
    for words in tutorial_commands():
        if words[0] == "make" and words[1] in ("trial", "replay"):
            found.append([words[1], *shlex.split(words[2].removeprefix("ARGS="))])
        elif words[0] == "embodiedcomp":
            found.append(words[1:])
    return found


def test_the_commands_run_on_the_toy_task(tmp_path: Path, toy_task: str) -> None:
    """Task and policy are put in; ``make docs-test`` types the commands as they stand."""
    folder, policy = tmp_path, "toy"
    with BagWriter(folder / "my_bag") as writer:
        for index in range(12):
            stamp_ns = START + index * PERIOD
            put(writer, "/joint_states", stamp_ns, joint_state(stamp_ns, 0.0))
            for camera in ("base", "wrist"):
                put(writer, f"/{camera}/image_raw", stamp_ns, image(stamp_ns, picture(index, 256, 256)))
    lines = command_lines()
    assert len(lines) >= 7
    for words in lines:
        line = [policy if before == "--policy" else word for before, word in zip(["", *words], words)]
        if words[0] == "trial":
            line += ["--task", toy_task, "--policy", policy]
        result = subprocess.run(
            [sys.executable, "-m", "embodiedcomp_eval.cli", *line],
            cwd=folder,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert result.returncode == 0, f"{shlex.join(line)}: {result.stderr}"
    for name in ("av1/summary.json", "recorded/bag/metadata.yaml", "replay/psnr.png", "actions/action_error.png"):
        assert (folder / "results" / "tutorial" / name).is_file(), name
    assert load_yaml(folder / "results" / "mine" / "replay.json")["questions"] == 2
