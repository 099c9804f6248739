"""What goes wrong gets one line, the right exit status, and leaves nothing behind: no process, no half-written result."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from trial_runs import lines, start_trial

from ros_harness import Process, Processes

BAD_INPUT = {
    "unknown codec": (["--codec", "nope"], "unknown codec 'nope'"),
    "both targets": (["--target-bpp", "0.1", "--target-bitrate", "1000"], "are both set"),
    "target of 0": (["--target-bpp", "0"], "target_bpp 0 is impossible"),
    "negative bit rate": (["--target-bitrate", "-5"], "target_bitrate -5 is impossible"),
    "infinite target": (["--target-bpp", "inf"], "is impossible"),
    "unknown policy": (["--policy", "nope"], "unknown policy 'nope'; choose from"),
    "unknown task": (["--task", "nope"], "unknown task 'nope'; choose from"),
    "unknown link": (["--link", "nope"], "unknown link 'nope'; choose from none"),
    "unknown mode": (["--mode", "nope"], "mode: 'nope' is none of intra, inter"),
    "missing checkpoint": (["--checkpoint", "/no/such.safetensors"], "no such checkpoint: /no/such.safetensors"),
    "unwritable output": (["--out", "FILE/out"], "not a folder"),
    "no episodes": (["--episodes", "0"], "episodes must be 1 or more, found 0"),
    "no number": (["--episodes", "many"], "--episodes"),
    "unknown option": (["--bogus"], "--bogus"),
    "charged over ros": (["--timing", "charged"], "timing 'charged' needs transport inprocess"),
    "video over ros": (["--video"], "--video needs --transport inprocess"),
    "ground truth over ros": (["--policy", "expert"], "needs transport inprocess"),
}


def children(pid: int) -> list[int]:
    """Processes whose parent is ``pid``."""
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def alive(pids: list[int]) -> list[int]:
    """Those that still run (a zombie does not)."""
    found = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if not line.split()[1].startswith("Z")]


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line(case: str, toy_task: str, tmp_path: Path, processes: Processes) -> None:
    (tmp_path / "file").write_text("in the way")
    options, message = BAD_INPUT[case]
    options = [option.replace("FILE", str(tmp_path / "file")) for option in options]
    common = ["--policy", "toy", "--task", toy_task, "--out", str(tmp_path / "out")]
    trial = start_trial(processes, *common, *options)
    assert trial.wait(60) == 2, trial.output
    assert message in trial.output and len(trial.output.splitlines()) == 1, trial.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def running_trial(processes: Processes, toy_task: str, out: Path) -> tuple[Process, list[int]]:
    """A long trial whose first episode is done, and the processes of its nodes."""
    trial = start_trial(
        processes, "--policy", "toy", "--task", toy_task, "--codec", "jpeg", "--episodes", "500", "--out", str(out)
    )
    processes.command(["bash", "-c", f"until [ -s {out}/episodes.jsonl ]; do sleep 0.1; done; echo first"]).wait_for(
        "first", 60
    )
    nodes = children(trial.pid)
    assert len(nodes) == 8
    return trial, nodes


def test_ctrl_c_keeps_finished_episodes_and_leaves_no_process(
    toy_task: str, tmp_path: Path, processes: Processes
) -> None:
    trial, nodes = running_trial(processes, toy_task, tmp_path / "t")
    trial.interrupt()
    assert trial.wait(30) == 130
    assert "interrupted" in trial.output and "Traceback" not in trial.output
    assert alive(nodes) == []
    kept = lines(tmp_path / "t")
    assert 1 <= len(kept) < 500 and [line["episode"] for line in kept] == list(range(len(kept)))


def test_a_killed_trial_leaves_no_process(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    trial, nodes = running_trial(processes, toy_task, tmp_path / "t")
    os.kill(trial.pid, signal.SIGKILL)
    assert trial.wait(10) == -signal.SIGKILL
    gone = processes.command(
        ["bash", "-c", f"while kill -0 {' '.join(map(str, nodes))} 2>/dev/null; do sleep 0.1; done; echo gone"]
    )
    gone.wait_for("gone", 10)
    assert lines(tmp_path / "t")


def test_a_node_that_is_killed_is_named(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    trial, nodes = running_trial(processes, toy_task, tmp_path / "t")
    for pid in nodes:
        if b"__node:=decoder_wrist_camera" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    assert trial.wait(30) == 1
    assert "node decoder_wrist_camera died (signal 9)" in trial.output and "Traceback" not in trial.output
    assert alive(nodes) == []


def test_a_policy_that_breaks_is_named_with_its_last_words(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    trial = start_trial(
        processes, "--policy", "toy-dying", "--task", toy_task, "--codec", "jpeg", "--out", str(tmp_path / "t")
    )
    assert trial.wait(60) == 1
    said = [line for line in trial.output.splitlines() if line.startswith("embodiedcomp:")]
    assert len(said) == 1
    assert "node policy died (status 1)" in said[0] and "the toy policy broke on purpose" in said[0]


def test_ctrl_c_in_process(toy_task: str, tmp_path: Path, processes: Processes) -> None:
    options = [
        "--policy",
        "toy",
        "--task",
        toy_task,
        "--codec",
        "av1",
        "--episodes",
        "5000",
        "--transport",
        "inprocess",
    ]
    trial = start_trial(processes, *options, "--out", str(tmp_path / "t"))
    processes.command(
        ["bash", "-c", f"until [ -s {tmp_path}/t/episodes.jsonl ]; do sleep 0.1; done; echo first"]
    ).wait_for("first", 60)
    trial.interrupt()
    assert trial.wait(30) == 130
    assert "interrupted" in trial.output and "Traceback" not in trial.output and lines(tmp_path / "t")
