"""Separate nodes over DDS and one process give the same episodes: actions, steps, packet bytes, every counted number."""

from __future__ import annotations

from pathlib import Path

import pytest
from trial_runs import lines, start_trial, summary

from ros_harness import Processes

CASES = {
    "av1": ["--codec", "av1", "--target-bpp", "0.3"],
    "every step through a real sensor": ["--codec", "jpeg", "--send", "every_step", "--sensor", "real"],
    "predicted frames over a lossy link": [
        "--codec",
        "av1",
        "--target-bpp",
        "0.3",
        "--link",
        "LINK",
        "--seed",
        "10002",
    ],
    "a lossy link": ["--codec", "jpeg", "--target-bpp", "1.0", "--link", "LINK", "--seed", "10002"],
}


@pytest.mark.parametrize("case", CASES)
def test_ros_and_inprocess_agree(case: str, toy_task: str, tmp_path: Path, processes: Processes) -> None:
    (tmp_path / "link.yaml").write_text("loss: 0.3\n")
    options = [option.replace("LINK", str(tmp_path / "link.yaml")) for option in CASES[case]]
    common = ["--policy", "toy", "--task", toy_task, "--episodes", "2", *options]
    started = {}
    for transport in ("ros", "inprocess"):
        out = str(tmp_path / transport)
        started[transport] = start_trial(processes, *common, "--transport", transport, "--out", out)
    for process in started.values():
        assert process.wait(120) == 0, process.output
    ros, inprocess = lines(tmp_path / "ros"), lines(tmp_path / "inprocess")
    # The robot over a network still takes the steps of its last chunk, and what it sends there is counted apart.
    after = {"ros": [line.pop("frames_after_end") for line in ros]}
    after["inprocess"] = [line.pop("frames_after_end") for line in inprocess]
    assert after["inprocess"] == [0, 0]
    if "every_step" in CASES[case]:
        left = [10 - (line["steps"] - 1) % 10 - 1 for line in ros]
        assert after["ros"] == [2 * steps for steps in left] and sum(left) > 0
    else:
        assert after["ros"] == [0, 0]
    assert ros == inprocess
    assert len(ros) == 2
    assert all(sum(map(sum, line["frame_bytes"].values())) == line["payload_bytes"] > 0 for line in ros)
    if "LINK" in CASES[case]:
        assert sum(line["frames_lost"] for line in ros) > 0
    assert summary(tmp_path / "ros")["infrastructure_errors"] == 0
