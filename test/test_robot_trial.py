"""A trial on a robot, by the commands of its how-to: launch files, operator, judges, recorder and a double of the cell."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from interfaces import ROOT, load_launch_file, tutorial_commands
from trial_runs import EMBODIEDCOMP

from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.ros_trial import ros_arguments
from ros_harness import Process, Processes, executable, spin_until

ARM = "/scaled_joint_trajectory_controller/joint_trajectory"
PAGE = tutorial_commands("how-to/robot-trial.md")
OUT = "results/robot/monday"
BUNDLE_NODES = "encoder,decoder,policy,guard"


@pytest.fixture
def keyboard(ros_domain: int, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The operator node on a terminal of its own: where to type, and what it shows."""
    typed, terminal = pty.openpty()
    shown = tmp_path / "operator.log"
    with open(shown, "w") as file:
        process = subprocess.Popen(
            [str(executable("embodiedcomp_eval", "operator"))], stdin=terminal, stdout=file, stderr=file
        )
    yield typed, shown
    process.terminate()
    process.wait(20)
    assert termios.tcgetattr(terminal)[3] & termios.ECHO, "the terminal is as it was"
    os.close(typed)
    os.close(terminal)


@pytest.fixture
def task(toy_task: str, tmp_path: Path) -> str:
    content = yaml.safe_load((ROOT / "config" / "tasks" / "ur5e_pick.yaml").read_text())
    path = tmp_path / "pick.yaml"
    path.write_text(yaml.safe_dump({**content, "horizon": 50, "width": 64, "height": 48}))
    return str(path)


def start(processes: Processes, file: str, **others: str) -> dict[str, Process]:
    """The page's ``ros2 launch`` of that file; ``others``: a toy in place of what takes a real robot's time."""
    (words,) = (words for words in PAGE if words[:2] == ["ros2", "launch"] and words[3] == file)
    values = {**dict(word.split(":=", 1) for word in words[4:]), **others}
    return {
        node.name: processes.command(
            [
                str(executable(node.package, node.executable)),
                *ros_arguments(node.name, node.parameters, node.remappings),
            ]
        )
        for node in load_launch_file(ROOT / "launch" / file).nodes(**values)
    }


def test_operator_tag_and_verdicts(
    task: str,
    keyboard: tuple[int, Path],
    ros_context: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: Processes,
) -> None:
    import rclpy
    from std_msgs.msg import String
    from std_srvs.srv import Trigger

    from embodiedcomp_eval.nodes.lifecycle import LATCHED_QOS

    monkeypatch.chdir(tmp_path)
    typed, shown = keyboard
    probe, prompts = rclpy.create_node("probe", context=ros_context), []
    probe.create_subscription(String, "operator_prompt", lambda message: prompts.append(message.data), LATCHED_QOS)
    cell = processes.command([sys.executable, str(Path(__file__).parent / "robot_cell.py"), ARM, task])
    toy = {"codec": "jpeg", "mode": "intra", "policy": "toy"}
    started = start(processes, "robot.launch.py", **toy, velocity_scale="1.0")
    hold = {"success_options": "object_pose.hold=0.3"}
    started |= start(processes, "robot_trial.launch.py", **toy, **hold, task=task)
    out = tmp_path / OUT

    def prompted(*words: str) -> bool:
        return spin_until(probe, lambda: any(all(word in text for word in words) for text in prompts), 100.0)

    try:
        # 1. The operator sets the scene and says so by a key; nothing has moved before. The tag decides.
        assert prompted("episode 0 (seed 10000): set the scene", "[r] ready")
        wait_for_text(shown, "set the scene")
        os.write(typed, b"s")  # too early: refused, and said why
        wait_for_text(shown, "success not now: episode 0 (seed 10000): set the scene")
        assert "accepted 0 rejected 0" in cell.output or "accepted" not in cell.output
        os.write(typed, b"r")
        # The tag was covered: nothing begins by itself while somebody uncovers it.
        assert prompted("episode 0: not yet: object_pose: 0 poses of the object", "[r] ready", "[v] void")
        wait_for_text(shown, "not yet")
        os.write(typed, b"r")
        assert prompted("episode 0: success (object_pose: the object rose 0.300 m at most")
        # 2. Ready by a service call; the tag is hidden; at the end the operator is asked, and can't say either.
        assert prompted("episode 1 (seed 10001)")
        (service,) = (words[3] for words in PAGE if words[:3] == ["ros2", "service", "call"])
        client = probe.create_client(Trigger, service)
        assert spin_until(probe, client.service_is_ready, 20.0)
        answer = client.call_async(Trigger.Request())
        assert spin_until(probe, answer.done, 20.0) and answer.result().success
        assert prompted("episode 1 has ended: how?", "[s] success  [f] failure  [u] undecided  [v] void")
        wait_for_text(shown, "has ended: how?")
        os.write(typed, b"u")
        assert started["evaluator"].wait(60) == 0
    finally:
        for name, process in {**started, "cell": cell}.items():  # pytest shows it where the test fails
            print(f"--- {name}", *process.output.splitlines()[-12:], sep="\n")
    started["recorder"].interrupt()
    assert started["recorder"].wait(30) == 0
    first, second = (json.loads(text) for text in (out / "episodes.jsonl").read_text().splitlines())
    assert (first["outcome"], first["success"], first["decided_by"]) == ("success", True, "object_pose")
    assert 20 <= first["steps"] <= 40 and first["lift"] == pytest.approx(0.3)
    assert first["frames_sent"] > 4 and first["payload_bytes"] > 0 and first["queries"] >= 1
    assert (second["outcome"], second["success"], second["steps"]) == ("undecided", None, 50)
    assert "saw nothing of the object" in second["reason"] and "operator" in second["decided_by"]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["episodes"], summary["success_rate"], summary["undecided"]) == (2, 1.0, 1)
    assert "rejected 0 []" in cell.output and "rejected 1" not in cell.output
    # 3. The bag alone gives the same verdicts, is judged by others, and takes the operator's second look.
    again, gripper, looked = (rescored(words[1:]) for words in PAGE if words[0] == "embodiedcomp")
    assert again == [("success", "success"), ("undecided", "undecided")]
    told = json.loads((tmp_path / "results/robot/again/rescore.json").read_text())["episodes"]
    assert "saw nothing of the object" in told[1]["reason"] and told[0]["reason"] == first["reason"]
    assert gripper[1] == ("undecided", "failure"), "joints were seen all the time, and no object between the fingers"
    assert looked == [("success", "success"), ("undecided", "failure")]
    assert json.loads((tmp_path / "results/robot/looked/summary.json").read_text())["success_rate"] == 0.5
    with BagReader(out / "bag") as reader:
        results = [reader.deserialize(record) for record in reader.records(["/trial_result"])]
        words = [reader.deserialize(record).data for record in reader.records(["/operator_word"])]
    assert [(one.success, one.outcome) for one in results] == [(True, "success"), (False, "undecided")]
    assert words[-2:] == ["ready", "undecided"]
    probe.destroy_node()


@pytest.mark.slow
def test_over_bundles_every_picture_is_counted(
    task: str, ros_context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> None:
    """One encoder and one decoder for all cameras, named in ``nodes`` as the page says."""
    import rclpy
    from std_srvs.srv import Trigger

    monkeypatch.chdir(tmp_path)
    Path(task).write_text(yaml.safe_dump({**yaml.safe_load(Path(task).read_text()), "horizon": 10}))
    probe = rclpy.create_node("probe", context=ros_context)
    processes.command([sys.executable, str(Path(__file__).parent / "robot_cell.py"), ARM, task])
    toy = {"codec": "jpeg", "mode": "intra", "policy": "toy"}
    started = start(processes, "robot.launch.py", **toy, velocity_scale="1.0", bundle="true")
    assert set(started) == {"encoder", "decoder", "policy", "guard"}
    trial = {**toy, "task": task, "success": "operator", "episodes": "1", "record": "false", "nodes": BUNDLE_NODES}
    started |= start(processes, "robot_trial.launch.py", **trial)

    def say(word: str) -> None:
        client = probe.create_client(Trigger, f"/evaluator/{word}")
        assert spin_until(probe, client.service_is_ready, 20.0)
        answer = client.call_async(Trigger.Request())
        assert spin_until(probe, answer.done, 20.0) and answer.result().success

    started["evaluator"].wait_for("set the scene", 60)
    say("ready")
    started["evaluator"].wait_for("has ended: how", 60)
    say("success")
    assert started["evaluator"].wait(60) == 0
    (line,) = (json.loads(text) for text in (tmp_path / OUT / "episodes.jsonl").read_text().splitlines())
    assert all(len(line["frame_bytes"][camera]) >= 8 for camera in ("base_camera", "wrist_camera"))
    assert line["payload_bytes"] == sum(map(sum, line["frame_bytes"].values())) > 0
    assert line["wall"]["latency_ms"]["encode"] and line["wall"]["latency_ms"]["decode"]
    probe.destroy_node()


def wait_for_text(path: Path, text: str, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.05)  # a file tells nobody that it has grown


def rescored(words: list[str]) -> list[tuple[str, str]]:
    """(outcome then, outcome now) of every episode, by the command line without ROS."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("ROS", "RMW"))}
    run = subprocess.run([*EMBODIEDCOMP, *words], env=bare, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads((Path(words[words.index("--out") + 1]) / "rescore.json").read_text())["episodes"]
    return [(one["was"]["outcome"], one["outcome"]) for one in found]
