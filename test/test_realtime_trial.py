"""A trial by the wall clock: the nodes run freely, and the episode is what the evaluator saw of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from trial_runs import lines, start_trial, summary

from ros_harness import Processes

CONTROL_HZ, HORIZON = 10.0, 60


@pytest.mark.timing
def test_a_realtime_trial_runs_to_its_end(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    options = ["--policy", "toy", "--task", toy_task, "--codec", "jpeg", "--episodes", "2", "--timing", "realtime"]
    trial = start_trial(processes, *options, "--out", str(tmp_path / "t"))
    assert trial.wait(120) == 0, trial.output
    episodes, total = lines(tmp_path / "t"), summary(tmp_path / "t")
    assert [line["episode"] for line in episodes] == [0, 1]
    assert total["timing"] == "realtime" and total["infrastructure_errors"] == 0
    for line in episodes:
        assert line["success"] or line["steps"] == HORIZON
        assert line["duration"] == line["steps"] / CONTROL_HZ
        # Frames come as the policy asks for them, about once a second, and nearly all of them are answered.
        seconds = line["duration"]
        assert 1 <= line["queries"] <= math.ceil(seconds) + 1
        assert 2 <= line["frames_sent"] <= 2 * (math.ceil(seconds) + 1)
        assert 0 < line["payload_bytes"] == sum(map(sum, line["frame_bytes"].values()))
        # The arm moved: chunks reached the controller. On a busy machine they may all have come too late.
        assert line["path_length"] > 0.05 or line["guard_refusals"] > 0
    # Six seconds of the wall clock are six of the episode's, whatever this machine does beside.
    assert total["wall_seconds"] >= sum(line["duration"] for line in episodes) - 0.5
    age = total["latency_ms"]["frame_age"]["p50"]
    assert 0 < age < 1000
