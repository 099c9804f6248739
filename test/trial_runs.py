"""Running trials for tests: the real command line as a process, and what it wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ros_harness import Process, Processes

EMBODIEDCOMP = [sys.executable, "-m", "embodiedcomp_eval.cli"]


def start_trial(processes: Processes, *options: str) -> Process:
    """``embodiedcomp trial OPTIONS``."""
    return processes.command([*EMBODIEDCOMP, "trial", *options])


def lines(out: Path) -> list[dict[str, Any]]:
    """The episodes of a results folder, their wall-clock fields removed."""
    episodes = [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]
    for episode in episodes:
        del episode["wall"]
    return episodes


def summary(out: Path) -> dict[str, Any]:
    """The folder's summary."""
    loaded: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return loaded
