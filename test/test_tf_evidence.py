"""An AprilTag as apriltag_ros tells it: its frame on /tf, seen from a camera whose mount stands on /tf_static."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ros_harness import Processes

pytest_plugins = ["optional_packages"]
TEST = Path(__file__).resolve().parent


@pytest.mark.slow
def test_a_tag_is_judged_by_its_frame(optional_packages: dict[str, str], processes: Processes) -> None:
    path = {"PYTHONPATH": os.pathsep.join([str(TEST), optional_packages["PYTHONPATH"]])}
    probe = processes.command([sys.executable, str(TEST / "tf_probe.py")], optional_packages | path)
    assert probe.wait(90) == 0, probe.output
    assert "before: publisher of /tf (remap it: -r /tf:=/YOUR/TOPIC)" in probe.output
    assert "success 0.2" in probe.output
