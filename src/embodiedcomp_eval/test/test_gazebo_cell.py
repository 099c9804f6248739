"""The running cell through a command line that may publish before anybody listens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from embodiedcomp_eval.gazebo.cell import HOME_TARGET, SENDINGS, Cell
from embodiedcomp_eval.gazebo.command_line import GazeboCommandLine, GazeboError
from embodiedcomp_eval.gazebo.scene_services import SceneServices
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")


class Gazebo:
    """Goes to a trajectory's end at once, but doesn't hear the first ``deaf`` of them. Each look takes 0.3 s."""

    def __init__(self, deaf: int) -> None:
        self.deaf, self.sent, self.now = deaf, 0, 0
        self.at = dict(zip(ROBOT.names, HOME_TARGET, strict=True))

    def publish(self, topic: str, kind: str, message: dict[str, Any]) -> None:
        self.sent += 1
        if self.sent > self.deaf:
            self.at = dict(zip(message["joint_names"], message["points"][-1]["positions"], strict=True))

    def echo(self, topic: str, count: int = 1, timeout: float | None = None) -> list[dict[str, Any]]:
        self.now += 300_000_000
        stamp = {"sec": self.now // 1_000_000_000, "nsec": self.now % 1_000_000_000}
        joints = [{"name": name.encode(), "axis1": {"position": self.at[name]}} for name in ROBOT.names]
        return [{"header": {"stamp": stamp}, "joint": joints}]


def cell(gazebo: Gazebo) -> Cell:
    return Cell(cast(GazeboCommandLine, gazebo), cast(SceneServices, SimpleNamespace()), ROBOT, 5.0)


@pytest.mark.parametrize("deaf", [0, 1, 3])
def test_a_trajectory_that_nobody_heard_is_sent_again(deaf: int) -> None:
    gazebo, target = Gazebo(deaf), HOME_TARGET + 0.3
    assert cell(gazebo).go(target) == pytest.approx(target, abs=1e-4)
    assert gazebo.sent == deaf + 1


def test_where_the_arm_is_already_nothing_shows_whether_it_heard() -> None:
    gazebo = Gazebo(deaf=5)
    assert np.array_equal(cell(gazebo).go(HOME_TARGET), HOME_TARGET)
    assert gazebo.sent == 1


def test_an_arm_that_never_sets_out_is_an_error() -> None:
    gazebo = Gazebo(deaf=100)
    with pytest.raises(GazeboError, match="did not set out"):
        cell(gazebo).go(HOME_TARGET + 0.3)
    assert gazebo.sent == SENDINGS
