"""An arm read from a URDF with Pinocchio: forward kinematics and Jacobian of a tool frame."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pinocchio

from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.robot import Robot, Tool

Vector = npt.NDArray[np.float64]


class PinocchioArm:
    """Implements ``kinematics.Arm`` for the joints named, in that order; every other joint of the model stays at its
    neutral position.

    tool_offset: ``(3,)`` m and tool_rpy: ``(3,)`` rad, the tool's pose in the link ``tool_frame``. Poses are relative to
    ``base_frame``, by default the URDF's root link. Raises ConfigError naming the joints or links there are.
    """

    def __init__(
        self,
        urdf_xml: str,
        joint_names: Sequence[str],
        tool_frame: str,
        tool_offset: Sequence[float] = (0.0, 0.0, 0.0),
        tool_rpy: Sequence[float] = (0.0, 0.0, 0.0),
        base_frame: str | None = None,
    ) -> None:
        try:
            # Looked at here first: urdfdom writes what it finds to standard error by itself.
            root = ElementTree.fromstring(urdf_xml)
            if root.tag != "robot" or root.find("link") is None:
                raise ValueError(f"its root is <{root.tag}>, not a <robot> with links")
            model = pinocchio.buildModelFromXML(urdf_xml)
        except (ElementTree.ParseError, ValueError, RuntimeError) as error:
            raise ConfigError(f"not a URDF that Pinocchio reads: {' '.join(str(error).split())}") from error
        known = [name for name in model.names if name != "universe"]
        for name in joint_names:
            if name not in known:
                raise ConfigError(f"the URDF has no joint '{name}'; it has: {', '.join(known)}")
        joints = [model.joints[model.getJointId(name)] for name in joint_names]
        for name, joint in zip(joint_names, joints, strict=True):
            if joint.nq != 1 or joint.nv != 1:
                raise ConfigError(f"joint '{name}' of the URDF is no plain revolute or prismatic joint with limits")
        links = [frame.name for frame in model.frames if frame.type == pinocchio.FrameType.BODY]
        for link in (tool_frame, base_frame):
            if link is not None and link not in links:
                raise ConfigError(f"the URDF has no link '{link}'; it has: {', '.join(links)}")
        self._model = model
        self._data = model.createData()
        self._q = pinocchio.neutral(model)
        self._positions = [joint.idx_q for joint in joints]
        self._velocities = [joint.idx_v for joint in joints]
        self.lower: Vector = model.lowerPositionLimit[self._positions].copy()
        self.upper: Vector = model.upperPositionLimit[self._positions].copy()
        self._link = model.getFrameId(tool_frame, pinocchio.FrameType.BODY)
        turn = pinocchio.rpy.rpyToMatrix(np.asarray(tool_rpy, dtype=np.float64))
        self._offset = pinocchio.SE3(turn, np.asarray(tool_offset, dtype=np.float64))
        self._base = pinocchio.SE3.Identity()
        if base_frame is not None:
            pinocchio.framesForwardKinematics(model, self._data, self._q)
            self._base = self._data.oMf[model.getFrameId(base_frame, pinocchio.FrameType.BODY)].copy()

    def _full(self, q: npt.ArrayLike) -> Vector:
        values = np.asarray(q, dtype=np.float64)
        if values.shape != (len(self._positions),):
            raise ValueError(f"expected joint positions of shape ({len(self._positions)},), not {values.shape}")
        full: Vector = self._q.copy()
        full[self._positions] = values
        return full

    def forward(self, q: npt.ArrayLike) -> tuple[Vector, Vector]:
        """Joint positions ``(N,)`` rad -> position ``(3,)`` m and rotation ``(3, 3)`` of the tool in the base frame."""
        pinocchio.forwardKinematics(self._model, self._data, self._full(q))
        pose = self._base.inverse() * pinocchio.updateFramePlacement(self._model, self._data, self._link) * self._offset
        return pose.translation.copy(), pose.rotation.copy()

    def jacobian(self, q: npt.ArrayLike) -> Vector:
        """Joint positions ``(N,)`` rad -> ``(6, N)``, m/rad and rad/rad, base axes."""
        axes = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        link = pinocchio.computeFrameJacobian(self._model, self._data, self._full(q), self._link, axes)[
            :, self._velocities
        ]
        arm = pinocchio.updateFramePlacement(self._model, self._data, self._link).rotation @ self._offset.translation
        turning, (x, y, z) = link[3:], arm.tolist()
        back, result = self._base.rotation.T, np.empty_like(link)
        # The tool is carried around the link's origin: turning x arm, written out because np.cross takes twice as long.
        result[0] = turning[1] * z - turning[2] * y
        result[1] = turning[2] * x - turning[0] * z
        result[2] = turning[0] * y - turning[1] * x
        result[:3] = back @ (link[:3] + result[:3])
        result[3:] = back @ turning
        return result


def load_arm(robot: Robot, robot_description: str | None = None, tool: Tool | None = None) -> PinocchioArm:
    """The arm of ``robot`` (gripper excluded): its own URDF, or ``robot_description`` (the XML that ROS carries).

    Raises ConfigError where the robot file describes no tool.
    """
    tool = tool or robot.tool
    if tool is None:
        raise ConfigError(f"robot '{robot.name}' has no 'tool' in its file: no kinematics to turn poses into joints")
    xml = robot_description or tool.urdf.read_text(encoding="utf-8")
    arm = PinocchioArm(xml, robot.arm_names, tool.frame, tool.offset, tool.rpy)
    # The stricter of what URDF and robot file say.
    arm.lower = np.maximum(arm.lower, robot.lower[robot.arm])
    arm.upper = np.minimum(arm.upper, robot.upper[robot.arm])
    return arm
