"""Episodes by a robot's clock: steps, joints that come as they like, verdicts that come late."""

from __future__ import annotations

import math

import numpy as np

from embodiedcomp_eval.judging import Verdict
from embodiedcomp_eval.outcomes import is_decided, outcome_fields, outcome_of
from embodiedcomp_eval.robot_episode import JudgedRecorder, RobotEpisode
from embodiedcomp_eval.subscriber import FrameReceived
from embodiedcomp_eval.task import TaskConfig

MS = 1_000_000
START = 1_700_000_000_000 * MS
TASK = TaskConfig(
    name="t", simulator="robot", robot="ur5e", cameras=("c",), width=8, height=4, control_hz=10.0, horizon=20,
    settle_steps=0, replan_period=10, lift_height=0.1, prompt="p",
)  # fmt: skip


def episode() -> RobotEpisode:
    made = RobotEpisode(TASK, JudgedRecorder(TASK, lambda camera, size: size + 50), True)
    made.begin(7, {})
    made.add_joints(START - 100 * MS, np.zeros(7))
    made.start(START)
    return made


def verdict(outcome: str, after: int | None = None, **facts: float) -> Verdict:
    return Verdict(outcome, "j", "r", None if after is None else START + after * MS, facts)  # type: ignore[arg-type]


def test_steps_are_the_clocks_whatever_joints_come() -> None:
    made = episode()
    assert made.end_ns == START + 2000 * MS and math.isinf(RobotEpisode.joint_age(episode_without_joints(), START))
    for index in range(1, 101):  # 500 a second, for 0.2 s, then nothing
        made.add_joints(START + 2 * index * MS, np.full(7, 0.001 * index))
    assert made.scored == 2 and made.joint_age(START + 1200 * MS) == 1.0
    made.tick(START + 999 * MS)
    assert made.scored == 9
    made.tick(START + 60_000 * MS)
    assert made.scored == 20 and made.ended


def episode_without_joints() -> RobotEpisode:
    made = RobotEpisode(TASK, JudgedRecorder(TASK, lambda camera, size: size), True)
    made.begin(7, {})
    return made


def test_a_success_that_was_seen_late_ends_where_it_was() -> None:
    made = episode()
    for camera_stamp in (100, 700, 1500):
        made.add_received(FrameReceived("c", START + camera_stamp * MS, False, 0.01))
        made.add_packet("c", START + camera_stamp * MS, b"12345")
    made.tick(START + 1200 * MS)
    made.conclude(verdict("success", after=810, lift=0.2))
    line = made.line(3, 1.0)
    assert (line["success"], line["steps"], line["outcome"], line["lift"]) == (True, 9, "success", 0.2)
    assert line["duration"] == 0.9 and line["evidence"] == {"lift": 0.2} and list(line)[-1] == "wall"
    assert outcome_fields(line) == {"success": True, "outcome": "success", "decided_by": "j", "reason": "r"}


def test_failures_and_doubts() -> None:
    stopped = episode()
    stopped.tick(START + 400 * MS)
    stopped.conclude(verdict("failure", after=400))
    line = stopped.line(0, 1.0)
    assert (line["success"], line["steps"]) == (False, 4) and is_decided(line)
    doubtful = episode()
    doubtful.tick(START + 5000 * MS)
    doubtful.conclude(verdict("undecided"))
    line = doubtful.line(0, 1.0)
    assert (line["success"], line["steps"], outcome_of(line)) == (None, 20, "undecided") and not is_decided(line)
    assert outcome_fields(line)["success"] is False
    simulated = {"success": True}
    assert outcome_fields(simulated) == {
        "success": True, "outcome": "success", "decided_by": "ground_truth", "reason": "",
    }  # fmt: skip
