from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.kinematics import damped_step, delta_to_joints, ik, pose_error, rotation_exp, rotation_log
from embodiedcomp_policy.policies.pinocchio_arm import PinocchioArm, load_arm
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")
ARM = load_arm(ROBOT)
HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991])
joints = st.lists(st.floats(-3.1, 3.1), min_size=6, max_size=6).map(np.array)
vectors = st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3).map(np.array)


@given(vectors)
def test_rotation_log_inverts_exp(vector: np.ndarray) -> None:
    rotation = rotation_exp(vector)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.allclose(rotation_exp(rotation_log(rotation)), rotation, atol=1e-6)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0, 0.6, -0.8]])
def test_rotation_log_of_half_a_turn(axis: list[float]) -> None:
    rotation = rotation_exp(np.pi * np.array(axis))
    assert np.isclose(np.linalg.norm(rotation_log(rotation)), np.pi)
    assert np.allclose(rotation_exp(rotation_log(rotation)), rotation, atol=1e-6)


@settings(deadline=None)
@given(joints)
def test_jacobian_is_the_derivative_of_forward(q: np.ndarray) -> None:
    step = 1e-6
    position, rotation = ARM.forward(q)
    for joint, column in enumerate(ARM.jacobian(q).T):
        there, turned = ARM.forward(q + step * np.eye(6)[joint])
        change = np.concatenate([there - position, rotation_log(turned @ rotation.T)]) / step
        assert np.allclose(change, column, atol=1e-4)


@settings(deadline=None)
@given(joints, st.lists(st.floats(-1, 1), min_size=6, max_size=6).map(np.array))
def test_a_damped_step_is_finite_and_bounded_even_at_singularities(q: np.ndarray, error: np.ndarray) -> None:
    sigma = np.linalg.svd(ARM.jacobian(q), compute_uv=False)[-1]
    step = damped_step(ARM, q, error)
    # Gain of the damped inverse: at most 1 / (2 lambda) below the threshold, 1 / sigma above.
    assert np.linalg.norm(step) <= np.linalg.norm(error) * (1 / 0.04 if sigma < 0.05 else 1 / sigma) + 1e-9


def test_the_singular_pose_itself() -> None:
    stretched = np.zeros(6)  # elbow and wrist both singular
    assert np.linalg.svd(ARM.jacobian(stretched), compute_uv=False)[-1] < 1e-6
    targets = delta_to_joints(ARM, stretched, np.tile([0.05, 0, 0, 0, 0, 0], (12, 1)))
    assert np.isfinite(targets).all()
    assert np.abs(np.diff(np.vstack([stretched, targets]), axis=0)).max() <= 0.35 + 1e-12


@settings(deadline=None)
@given(st.lists(st.floats(-0.25, 0.25), min_size=6, max_size=6).map(np.array))
def test_ik_finds_a_pose_in_reach(offset: np.ndarray) -> None:
    position, rotation = ARM.forward(HOME + offset)
    q = ik(ARM, HOME, position, rotation, iterations=100)
    assert np.linalg.norm(pose_error(ARM, q, position, rotation)) < 1e-5


def test_ik_out_of_reach_stays_within_limits_and_no_worse_than_the_start() -> None:
    _, rotation = ARM.forward(HOME)
    far = np.array([3.0, 0.0, 0.5])
    q = ik(ARM, HOME, far, rotation)
    assert np.all(q >= ARM.lower) and np.all(q <= ARM.upper)
    assert np.linalg.norm(pose_error(ARM, q, far, rotation)) < np.linalg.norm(pose_error(ARM, HOME, far, rotation))


@settings(deadline=None)
@given(st.lists(st.floats(-0.03, 0.03), min_size=6, max_size=6).map(np.array), st.sampled_from(["base", "tool"]))
def test_deltas_are_followed_away_from_singularities(delta: np.ndarray, frame: str) -> None:
    position, rotation = ARM.forward(HOME)
    target = delta_to_joints(ARM, HOME, delta[None], frame=frame)[0]  # type: ignore[arg-type]
    there, turned = ARM.forward(target)
    wanted = delta[:3] if frame == "base" else rotation @ delta[:3]
    assert np.allclose(there - position, wanted, atol=1e-4)
    turn = turned @ rotation.T if frame == "base" else rotation.T @ turned
    assert np.allclose(turn, rotation_exp(delta[3:]), atol=1e-4)


@settings(deadline=None, max_examples=50)
@given(joints, st.lists(st.lists(st.floats(-0.5, 0.5), min_size=6, max_size=6), min_size=1, max_size=5))
def test_deltas_anywhere_stay_finite_within_limits_and_steps(q: np.ndarray, deltas: list[list[float]]) -> None:
    targets = delta_to_joints(ARM, q, deltas, max_step=0.3)
    assert targets.shape == (len(deltas), 6) and np.isfinite(targets).all()
    assert np.all(targets >= ARM.lower) and np.all(targets <= ARM.upper)
    assert np.abs(np.diff(np.vstack([q, targets]), axis=0)).max() <= 0.3 + 1e-12


def test_bad_deltas_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(T, 6\), not \(3, 7\)"):
        delta_to_joints(ARM, HOME, np.zeros((3, 7)))
    with pytest.raises(ValueError, match=r"finite"):
        delta_to_joints(ARM, HOME, np.full((1, 6), np.nan))


def test_a_wrong_urdf_names_what_there_is() -> None:
    assert ROBOT.tool is not None
    urdf = ROBOT.tool.urdf.read_text()
    with pytest.raises(ConfigError, match=r"no joint 'elbow'; it has: shoulder_pan_joint"):
        PinocchioArm(urdf, ["elbow"], "tool0")
    with pytest.raises(ConfigError, match=r"no link 'hand'; it has: .*tool0"):
        PinocchioArm(urdf, ROBOT.arm_names, "hand")
    with pytest.raises(ConfigError, match=r"not a URDF"):
        PinocchioArm(Path(__file__).read_text(), ROBOT.arm_names, "tool0")


def test_any_base_link_may_be_the_base() -> None:
    assert ROBOT.tool is not None
    urdf = ROBOT.tool.urdf.read_text()
    raised = urdf.replace('<link name="base_link"/>', '<link name="world"/><link name="base_link"/>').replace(
        "</robot>",
        '<joint name="mount" type="fixed"><parent link="world"/><child link="base_link"/>'
        '<origin xyz="0.1 0.2 0.9" rpy="0 0 1"/></joint></robot>',
    )
    arm = PinocchioArm(raised, ROBOT.arm_names, "tool0", base_frame="base_link")
    plain = PinocchioArm(urdf, ROBOT.arm_names, "tool0")
    assert np.allclose(arm.forward(HOME)[0], plain.forward(HOME)[0])
    assert np.allclose(arm.jacobian(HOME), plain.jacobian(HOME))
    assert not np.allclose(PinocchioArm(raised, ROBOT.arm_names, "tool0").forward(HOME)[0], plain.forward(HOME)[0])
