from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from embodiedcomp_policy.action_space import ActionDecoder, ActionSpace
from embodiedcomp_policy.kinematics import rotation_exp
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import load_robot

UR5E, PANDA = load_robot("ur5e"), load_robot("panda")
HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.4])
JOINT = ActionSpace("joint", 50_000_000)
TOOL = ActionSpace("tool_delta", 50_000_000, scale=0.05, turn_scale=0.5, gripper_open=-1.0)


def see(state: np.ndarray = HOME) -> Observation:
    return Observation({}, state, "", 7)


def test_absolute_joints_and_a_gripper_in_the_models_own_units() -> None:
    decoder = ActionDecoder("x", JOINT, UR5E)
    actions = np.tile(np.append(HOME[:6] + 0.1, 0.25), (3, 1))
    chunk = decoder.chunk(actions.astype(np.float32), see())
    assert chunk.stamp_ns == 7 and chunk.times_ns.tolist() == [50_000_000, 100_000_000, 150_000_000]
    assert np.allclose(chunk.positions[:, :6], HOME[:6] + 0.1, atol=1e-6)
    assert np.allclose(chunk.positions[:, 6], 0.2)  # a quarter of 0.8
    assert decoder.gripper_state(HOME) == 0.5


def test_a_gripper_that_opens_upwards_is_the_other_way_round() -> None:
    decoder = ActionDecoder("x", JOINT, PANDA)
    middle = (PANDA.lower + PANDA.upper) / 2
    chunk = decoder.chunk(np.append(middle[:7], 1.0), see(middle))
    assert chunk.positions[0, 7] == 0.0
    assert decoder.gripper_state(np.append(middle[:7], 0.04)) == 0.0


def test_joint_deltas_add_up_from_the_measured_state() -> None:
    decoder = ActionDecoder("x", ActionSpace("joint_delta", 1, scale=0.2), UR5E)
    chunk = decoder.chunk(np.array([[1, 0, 0, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0, 1]]), see())
    assert np.allclose(chunk.positions[:, 0] - HOME[0], [0.2, 0.4])
    assert np.allclose(chunk.positions[:, 1] - HOME[1], [0.0, -0.2])
    assert chunk.positions[:, 6].tolist() == [0.0, 0.8]


@pytest.mark.parametrize("turn", ["vector", "rpy"])
def test_tool_deltas_go_through_the_kinematics(turn: str) -> None:
    arm = load_arm(UR5E)
    decoder = ActionDecoder("x", replace(TOOL, turn=turn), UR5E, arm)  # type: ignore[arg-type]
    position, rotation = arm.forward(HOME[:6])
    chunk = decoder.chunk(np.array([[0.4, 0, -0.2, 0.1, 0.0, 0.2, 1.0]]), see())
    there, turned = arm.forward(chunk.positions[0, :6])
    assert np.allclose(there - position, [0.02, 0, -0.01], atol=1e-4)
    roll, yaw = rotation_exp([0.05, 0, 0]), rotation_exp([0, 0, 0.1])
    expected = yaw @ roll if turn == "rpy" else rotation_exp([0.05, 0, 0.1])
    assert np.allclose(turned @ rotation.T, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("space", "actions", "words"),
    [
        (JOINT, np.zeros((5, 8)), r"shape \(5, 8\); ur5e takes \(T, 7\): 6 for the arm, 1 for the gripper"),
        (JOINT, np.zeros((0, 7)), r"shape \(0, 7\)"),
        (JOINT, np.zeros((2, 2, 7)), r"shape \(2, 2, 7\)"),
        (JOINT, "error", "something other than numbers"),
        (JOINT, np.full((1, 7), np.nan), "not finite"),
        (JOINT, [[0, -99.4, 0, 0, 0, 0, 0]], r"'shoulder_lift_joint' at -99.4, outside \[-6.283, 6.283\] rad: degrees"),
        (JOINT, [[0, 0, 0, 0, 0, 0, 255]], r"gripper to 255, outside \[0, 1\]"),
        (ActionSpace("joint_delta", 1), [[0, 0, 5, 0, 0, 0, 0]], "moves a joint by 5 rad"),
        (TOOL, [[30, 0, 0, 0, 0, 0, 0]], "tool by 1.5 m in one action: millimetres"),
        (TOOL, [[0, 0, 0, 20, 0, 0, 0]], "turns the tool by 10 rad"),
    ],
)
def test_what_does_not_fit_the_robot_is_one_line(space: ActionSpace, actions: object, words: str) -> None:
    decoder = ActionDecoder("x", space, UR5E, load_arm(UR5E))
    with pytest.raises(PolicyError, match=words) as error:
        decoder.chunk(actions, see())  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_backend_is_tried_where_degrees_and_changes_show() -> None:
    decoder = ActionDecoder("x", JOINT, UR5E)

    def echo(unit: float) -> Callable[[Observation], np.ndarray]:
        return lambda probe: np.append(probe.state[:6] * unit, 0.5)

    decoder.try_out(echo(1.0))
    decoder.try_out(lambda probe: np.append(HOME[:6], 0.5))  # a model that knows one pose only
    with pytest.raises(PolicyError, match="degrees, or another robot"):
        decoder.try_out(echo(180 / np.pi))
    with pytest.raises(PolicyError, match="every joint at about 0 whatever the arm's state: changes, not positions"):
        decoder.try_out(lambda probe: np.append(np.full(6, -0.02), 0.5))
    ActionDecoder("x", ActionSpace("joint_delta", 50_000_000), UR5E).try_out(lambda probe: np.zeros(7))


def test_a_first_target_out_of_reach_is_no_target() -> None:
    decoder = ActionDecoder("x", JOINT, UR5E)
    far = np.append(HOME[:6], 0.5)
    far[1] += 1.5
    decoder.chunk(far, see())  # 0.5 s at full speed
    far[1] += 0.1
    words = r"'shoulder_lift_joint' at -0.135 rad next, which is at -1.735: changes, not positions"
    with pytest.raises(PolicyError, match=words):
        decoder.chunk(far, see())
    slow = ActionDecoder("x", replace(JOINT, period_ns=500_000_000), UR5E)
    slow.chunk(far, see())


def test_tool_deltas_without_kinematics_are_refused_at_the_start() -> None:
    with pytest.raises(PolicyError, match="need the arm's kinematics"):
        ActionDecoder("x", TOOL, UR5E)
