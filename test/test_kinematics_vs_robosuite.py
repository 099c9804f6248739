"""The shipped UR5e kinematics against an independent model: robosuite's MJCF of the same arm."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
import robosuite

from embodiedcomp_policy.policies.pinocchio_arm import PinocchioArm, load_arm
from embodiedcomp_policy.robot import load_robot


@pytest.mark.parametrize(
    ("name", "frame", "mjcf_joint", "turn"),
    [("ur5e", "tool0", "{}", 0.0), ("panda", "panda_link8", "joint{}", -np.pi / 4)],
)
def test_forward_kinematics_and_jacobian_match_the_mjcf(name: str, frame: str, mjcf_joint: str, turn: float) -> None:
    """turn: rad, robosuite's hand about the flange's axis."""
    path = Path(robosuite.__file__).parent / f"models/assets/robots/{name}/robot.xml"
    model = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(model)
    robot = load_robot(name)
    assert robot.tool is not None
    arm = PinocchioArm(robot.tool.urdf.read_text(), robot.arm_names, frame, tool_rpy=(0, 0, turn))
    joints = robot.arm_names if mjcf_joint == "{}" else [mjcf_joint.format(i + 1) for i in robot.arm]
    addresses = [model.joint(joint).qposadr[0] for joint in joints]
    hand = model.body("right_hand").id
    rng = np.random.default_rng(0)
    for _ in range(50):
        q = rng.uniform(-3, 3, len(joints))
        data.qpos[addresses] = q
        mujoco.mj_forward(model, data)
        position, rotation = arm.forward(q)
        # The MJCF rounds link lengths to the millimetre (d6 0.098 for 0.0996) and its quaternions to three digits.
        assert np.linalg.norm(position - data.xpos[hand]) < 3e-3
        assert np.abs(rotation - data.xmat[hand].reshape(3, 3)).max() < 2e-3
        linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacBody(model, data, linear, angular, hand)
        assert np.abs(arm.jacobian(q) - np.vstack([linear, angular])).max() < 4e-3


def test_tool_offset_points_along_the_flange_axis() -> None:
    robot = load_robot("ur5e")
    assert robot.tool is not None
    flange = PinocchioArm(robot.tool.urdf.read_text(), robot.arm_names, "tool0")
    tool = load_arm(robot)
    q = np.array([0.3, -1.2, 1.5, -1.8, -1.5, 0.4])
    position, rotation = flange.forward(q)
    assert np.allclose(tool.forward(q)[0], position + rotation @ [0, 0, 0.145], atol=1e-12)
