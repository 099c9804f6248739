"""The shipped policy on the shipped task, in separate nodes and in one process: it lifts, and both agree in every byte."""

from __future__ import annotations

from pathlib import Path

from trial_runs import lines, start_trial, summary

from ros_harness import Processes

OPTIONS = ["--policy", "reference", "--codec", "av1", "--target-bpp", "0.05", "--task", "ur5e_lift", "--episodes", "1"]
SEED = "10000"


def test_one_real_episode_over_both_transports(tmp_path: Path, processes: Processes) -> None:
    for transport in ("inprocess", "ros"):
        out = str(tmp_path / transport)
        trial = start_trial(processes, *OPTIONS, "--seed", SEED, "--transport", transport, "--out", out)
        assert trial.wait(240) == 0, trial.output
    (ros,), (inprocess,) = lines(tmp_path / "ros"), lines(tmp_path / "inprocess")
    assert ros == inprocess
    assert ros["success"] and ros["steps"] < 200
    assert ros["frames_sent"] == 2 * ros["queries"] and ros["frames_lost"] == 0 and ros["guard_refusals"] == 0
    for transport in ("ros", "inprocess"):
        total = summary(tmp_path / transport)
        assert total["success_rate"] == 1.0 and total["infrastructure_errors"] == 0
        assert total["payload_bytes"] == ros["payload_bytes"] > 0
