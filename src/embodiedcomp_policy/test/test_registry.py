from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from embodiedcomp_policy import registry
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import Robot, load_robot


class Still:
    cameras = ("base_camera",)

    def __init__(self, checkpoint: str | None, server: str | None) -> None:
        self.made_with = (checkpoint, server)

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation) -> Chunk:
        return Chunk(observation.stamp_ns, np.array([1]), observation.state[None])


@pytest.fixture(autouse=True)
def points(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [
        EntryPoint("still", f"{__name__}:Still", registry.GROUP),
        EntryPoint("absent", "embodiedcomp_no_such_package.module:make", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: installed if group == registry.GROUP else [])


def test_makes_the_one_asked_for_and_imports_no_other() -> None:
    assert registry.policy_names() == ["absent", "still"]
    policy = registry.make_policy("still", checkpoint="weights", server=None)
    assert isinstance(policy, Still) and policy.made_with == ("weights", None)
    assert not any(name.startswith("embodiedcomp_no_such_package") for name in sys.modules)


class Driver(Still):
    """Says which robot it drives: the one that it is given, else the UR5e."""

    def __init__(self, checkpoint: str | None, server: str | None, robot: Robot | None = None) -> None:
        super().__init__(checkpoint, server)
        self.robot = robot or load_robot("ur5e")


class Stubborn(Still):
    robot = load_robot("ur5e")


def test_a_policy_for_another_robot_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("Still", "Driver", "Stubborn")
    installed = [EntryPoint(kind.lower(), f"{__name__}:{kind}", registry.GROUP) for kind in kinds]
    monkeypatch.setattr(registry, "entry_points", lambda group: installed)
    ur5e, panda = load_robot("ur5e"), load_robot("panda")
    assert isinstance(registry.make_policy("still", robot=panda), Still)  # says nothing, takes nothing
    assert registry.make_policy("driver", robot=panda).robot is panda  # type: ignore[attr-defined]
    registry.make_policy("stubborn", robot=ur5e)
    with pytest.raises(
        PolicyError, match="policy 'stubborn' drives another robot than 'panda': robot ur5e is not panda"
    ):
        registry.make_policy("stubborn", robot=panda)


def test_unknown_names_and_missing_packages_are_one_line() -> None:
    with pytest.raises(PolicyError, match=r"^unknown policy 'stil'; there are: absent, still$"):
        registry.make_policy("stil")
    with pytest.raises(PolicyError, match=r"'absent' needs the Python package 'embodiedcomp_no_such_package'"):
        registry.make_policy("absent")


def test_arms_come_from_whatever_library_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    robot = load_robot("ur5e")
    with pytest.raises(PolicyError, match=r"the Python package 'pin' brings one"):
        registry.make_arm(robot)
    pinocchio = EntryPoint("pinocchio", "embodiedcomp_policy.policies.pinocchio_arm:load_arm", registry.ARMS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [pinocchio] if group == registry.ARMS else [])
    assert registry.make_arm(robot).forward(np.zeros(6))[0].shape == (3,)
    other = robot.tool.urdf.read_text().replace("shoulder_pan_joint", "pan")  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"no joint 'shoulder_pan_joint'; it has: pan"):
        registry.make_arm(robot, robot_description=other)
