"""What a vision-language-action model's numbers mean on this robot: its actions become joint targets, its state vector joints.

A backend that speaks degrees, another gripper convention or another arm is found here, at the start and at every answer,
not as a strange motion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.kinematics import Arm, delta_to_joints, rotation_exp, rotation_log
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import Robot

Vector = npt.NDArray[np.float64]
Kind = Literal["joint", "joint_delta", "tool_delta"]

MARGIN = 0.2
"""How far outside its range a value may be, rad or of the gripper's range, before it counts as another unit."""
FARTHEST = 0.5
"""m: a longer move of the tool in one action is no metre."""
REACH_NS = 500_000_000
"""An absolute first target that a joint can't reach at full speed in this time (or two periods) is none for the next step."""
PROBED = 0.7
"""Where between its limits each joint stands in a probe: not in the middle, where degrees and radians are both 0."""


@dataclass(frozen=True)
class ActionSpace:
    """The layout of one action: arm first, gripper last.

    kind: joint, absolute positions (rad); joint_delta, changes from one target to the next (rad); tool_delta, six
        changes of the tool's pose (m, then rotation).
    period_ns: time from one action to the next.
    scale: what one unit of a delta is: rad for joint_delta, m for tool_delta's translation.
    turn_scale: rad that one unit of tool_delta's rotation is.
    turn: the rotation is a rotation vector, or roll, pitch, yaw about fixed axes.
    frame: axes of a tool_delta.
    gripper_open, gripper_closed: what the model says for either.
    """

    kind: Kind
    period_ns: int
    scale: float = 1.0
    turn_scale: float = 1.0
    turn: Literal["vector", "rpy"] = "vector"
    frame: Literal["base", "tool"] = "base"
    gripper_open: float = 0.0
    gripper_closed: float = 1.0


class ActionDecoder:
    """Turns a backend's actions into chunks for one robot, or says why it can't."""

    def __init__(self, name: str, space: ActionSpace, robot: Robot, arm: Arm | None = None) -> None:
        """name: the backend's, for messages. arm: needed for ``tool_delta`` alone. Raises PolicyError."""
        if space.kind == "tool_delta" and arm is None:
            raise PolicyError(f"policy '{name}' answers with tool poses, which need the arm's kinematics")
        self._name, self._space, self._robot, self._arm = name, space, robot, arm
        moves = 6 if space.kind == "tool_delta" else len(robot.arm)
        self.width = moves + (robot.gripper is not None)
        self._moves = moves

    def chunk(self, actions: npt.ArrayLike, observation: Observation) -> Chunk:
        """Actions ``(T, width)`` -> a chunk ``(T, J)``. Raises PolicyError naming the value that doesn't fit the robot."""
        values = self._checked(actions)
        self._check_first(values[0], observation.state)
        return self._chunk(values, observation)

    def try_out(self, ask: Callable[[Observation], npt.ArrayLike]) -> None:
        """Ask a backend once at the start. Raises PolicyError where its answer means something else than it should.

        A model that has never seen such an arm may answer with absolute joints far from it; with changes it answers as no
        model of absolute joints does: every joint about 0.
        """
        probe = self._probe()
        values = self._checked(ask(probe))
        arm = self._robot.arm
        nearly = self._robot.velocity[arm] * (self._space.period_ns / 1e9)
        at_zero = (np.abs(values[:, : self._moves]) <= nearly).all() if self._space.kind == "joint" else False
        if at_zero and (np.abs(probe.state[arm]) > 2 * nearly).any():
            raise PolicyError(
                f"policy '{self._name}' wants every joint at about 0 whatever the arm's state: changes, not positions?"
            )
        self._chunk(values, probe)

    def _chunk(self, values: Vector, observation: Observation) -> Chunk:
        state = observation.state[self._robot.arm]
        moves = values[:, : self._moves]
        if self._space.kind == "joint":
            arm = moves
        elif self._space.kind == "joint_delta":
            arm = state + np.cumsum(moves * self._space.scale, axis=0)
        else:
            assert self._arm is not None
            deltas = self._tool_deltas(moves)
            arm = delta_to_joints(self._arm, state, deltas, frame=self._space.frame, max_step=self._robot.max_step)
        positions = np.empty((len(values), len(self._robot.names)))
        positions[:, self._robot.arm] = arm
        if self._robot.gripper is not None:
            positions[:, self._robot.gripper] = self._to_gripper(values[:, -1])
        times = self._space.period_ns * np.arange(1, len(values) + 1, dtype=np.int64)
        return Chunk(observation.stamp_ns, times, positions)

    def gripper_state(self, state: Vector) -> float:
        """The measured gripper of ``(J,)`` as the model counts it; its open value where the robot has none."""
        space = self._space
        return space.gripper_open + self.closed_share(state) * (space.gripper_closed - space.gripper_open)

    def closed_share(self, state: Vector) -> float:
        """How far the measured gripper of ``(J,)`` is closed, 0 to 1; 0 where the robot has none."""
        robot = self._robot
        if robot.gripper is None:
            return 0.0
        closed = (state[robot.gripper] - robot.gripper_open) / (robot.gripper_closed - robot.gripper_open)
        return float(np.clip(closed, 0, 1))

    def _probe(self) -> Observation:
        """Grey pictures, every joint at its own side of the middle."""
        grey = np.full((256, 256, 3), 127, dtype=np.uint8)
        state = self._robot.lower + PROBED * (self._robot.upper - self._robot.lower)
        return Observation({"base_camera": grey, "wrist_camera": grey}, state, "Pick up the object", 0)

    def _check_first(self, first: Vector, state: Vector) -> None:
        if self._space.kind != "joint":
            return
        arm = self._robot.arm
        reach = self._robot.velocity[arm] * (max(REACH_NS, 2 * self._space.period_ns) / 1e9)
        over = np.abs(first[: self._moves] - state[arm]) - reach
        if (over > 0).any():
            joint = int(np.argmax(over))
            raise PolicyError(
                f"policy '{self._name}' wants '{self._robot.arm_names[joint]}' at {first[joint]:.4g} rad next, which is at "
                f"{state[arm][joint]:.4g}: changes, not positions?"
            )

    def _checked(self, actions: npt.ArrayLike) -> Vector:
        try:
            values = np.asarray(actions, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise PolicyError(f"policy '{self._name}' answered with something other than numbers") from error
        if values.ndim == 1:
            values = values[None]
        if values.ndim != 2 or len(values) == 0 or values.shape[1] != self.width:
            wanted = f"(T, {self.width}): {self._moves} for the arm" + (
                ", 1 for the gripper" * (self.width > self._moves)
            )
            raise PolicyError(
                f"policy '{self._name}' answered with shape {values.shape}; {self._robot.name} takes {wanted}"
            )
        if not np.isfinite(values).all():
            raise PolicyError(f"policy '{self._name}' answered with values that are not finite")
        self._check_range(values)
        return values

    def _check_range(self, values: Vector) -> None:
        robot, space, moves = self._robot, self._space, np.abs(values[:, : self._moves])
        if space.kind == "joint":
            arm = robot.arm
            outside = np.maximum(
                robot.lower[arm] - values[:, : self._moves], values[:, : self._moves] - robot.upper[arm]
            )
            if (outside > MARGIN).any():
                row, joint = np.unravel_index(int(np.argmax(outside)), outside.shape)
                low, high = robot.lower[arm][joint], robot.upper[arm][joint]
                raise PolicyError(
                    f"policy '{self._name}' wants '{robot.arm_names[joint]}' at {values[row, joint]:.4g}, outside "
                    f"[{low:.4g}, {high:.4g}] rad: degrees, or another robot?"
                )
        elif space.kind == "joint_delta" and (largest := float(moves.max()) * space.scale) > np.pi:
            raise PolicyError(f"policy '{self._name}' moves a joint by {largest:.4g} rad in one action: degrees?")
        elif space.kind == "tool_delta":
            far, wide = float(moves[:, :3].max()) * space.scale, float(moves[:, 3:].max()) * space.turn_scale
            if far > FARTHEST:
                raise PolicyError(f"policy '{self._name}' moves the tool by {far:.4g} m in one action: millimetres?")
            if wide > np.pi:
                raise PolicyError(f"policy '{self._name}' turns the tool by {wide:.4g} rad in one action: degrees?")
        if robot.gripper is not None:
            low, high = sorted((space.gripper_open, space.gripper_closed))
            slack = MARGIN * (high - low)
            gripper = values[:, -1]
            if gripper.min() < low - slack or gripper.max() > high + slack:
                worst = gripper.min() if gripper.min() < low - slack else gripper.max()
                raise PolicyError(f"policy '{self._name}' sets the gripper to {worst:.4g}, outside [{low:g}, {high:g}]")

    def _to_gripper(self, values: Vector) -> Vector:
        robot, space = self._robot, self._space
        closed = np.clip((values - space.gripper_open) / (space.gripper_closed - space.gripper_open), 0, 1)
        result: Vector = robot.gripper_open + closed * (robot.gripper_closed - robot.gripper_open)
        return result

    def _tool_deltas(self, moves: Vector) -> Vector:
        deltas = moves * np.repeat([self._space.scale, self._space.turn_scale], 3)
        if self._space.turn == "rpy":
            for delta in deltas:
                roll, pitch, yaw = (
                    rotation_exp(angle * axis) for angle, axis in zip(delta[3:], np.eye(3), strict=True)
                )
                delta[3:] = rotation_log(yaw @ pitch @ roll)
        return deltas
