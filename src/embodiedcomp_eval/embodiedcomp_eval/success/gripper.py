"""By joint states alone: the fingers stand apart by the object's width, and the tool has risen since they closed on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evidence import JOINT_TYPES, Evidence, JointsSeen
from embodiedcomp_eval.judging import Input, Judge, Setting, Verdict, WatchOptions, option
from embodiedcomp_eval.scoring import is_lifted
from embodiedcomp_eval.watch import Watch
from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.kinematics import Arm
from embodiedcomp_policy.registry import make_arm

TOPIC = "joint_states"
MIN_PERIOD_NS = 9_000_000
"""Joint states come 500 times a second on some arms: a hundred are enough."""
SLIP_NS = 100_000_000
"""The fingers may look empty for that long, as they bounce, before the object counts as let go."""


@dataclass(frozen=True)
class GripperOptions(WatchOptions):
    """The object's width has no default: without it fingers told to stop half way would pass for a grasp."""

    width_min: float = option(math.nan, "narrowest that the fingers stand apart around the object, m", 0.0, 1.0)
    width_max: float = option(math.nan, "widest that the fingers stand apart around the object, m", 0.0, 1.0)
    opening: float = option(math.nan, "how far the fingers stand apart fully open, m; not set: the robot's", 0.001, 1.0)
    min_effort: float = option(
        0.0, "least effort of the gripper's joint in a grasp, its own unit; 0: not looked at", 0.0
    )
    lift_height: float = option(math.nan, "rise of the tool with the object, m; not set: the task's", 0.001, 10.0)


class Gripper(Judge):
    """Width = opening x (1 - share closed), from the gripper's joint; height = z of the tool frame in the arm's base."""

    name = "gripper"
    Options = GripperOptions
    inputs = (Input(TOPIC, JOINT_TYPES),)

    def __init__(self, options: GripperOptions, setting: Setting, arm: Arm | None = None) -> None:
        """arm: forward kinematics of the robot; None: by its URDF. Raises ConfigError."""
        robot = setting.robot
        if robot.gripper is None:
            raise ConfigError(f"success 'gripper' needs a robot with a gripper; {robot.name} has none")
        opening = robot.gripper_width if math.isnan(options.opening) else options.opening
        if math.isnan(opening):
            raise ConfigError(f"gripper.opening must be set: {robot.name} doesn't say how far its fingers open (m)")
        if math.isnan(options.width_min) or math.isnan(options.width_max):
            raise ConfigError(
                "gripper.width_min and gripper.width_max must be set: the object's width between the fingers, m"
            )
        if not options.width_min < options.width_max < opening:
            raise ConfigError(
                f"gripper.width_min {options.width_min:g} must be below width_max {options.width_max:g}, "
                f"and that below the gripper's opening {opening:g} m"
            )
        self._options, self._robot, self._opening = options, robot, opening
        self._lift = setting.lift_height if math.isnan(options.lift_height) else options.lift_height
        self._arm = arm or make_arm(robot)
        self._memory, self._watch = JointMemory(robot), Watch(self.name, options)
        self._effort = math.nan
        self.prepare()

    def prepare(self) -> None:
        """Forget the joints."""
        self._memory.reset()
        self._last_ns, self._running = -1, False
        self._grasp_height: float | None = None
        self._held_ns, self._highest, self._width = 0, -math.inf, math.nan

    def unready(self, now_ns: int) -> str | None:
        """No full joint state, or an old one."""
        if self._last_ns < 0:
            return f"no joint state with {', '.join(self._robot.names)}"
        age = (now_ns - self._last_ns) / 1e9
        return f"the last joint state is {age:.2f} s old" if age > self._options.max_age else None

    def begin(self, start_ns: int, end_ns: int) -> None:
        self._watch.begin(start_ns, end_ns)
        self._running, self._grasp_height, self._highest = True, None, -math.inf

    def add(self, topic: str, seen: Evidence) -> None:
        if not isinstance(seen, JointsSeen):
            return
        gripper = self._robot.names[self._robot.gripper or 0]
        if seen.effort and gripper in seen.names:
            self._effort = abs(seen.effort[seen.names.index(gripper)])
        positions = self._memory.update(seen.stamp_ns, seen.names, seen.positions)
        if positions is None or seen.stamp_ns < self._last_ns + MIN_PERIOD_NS:
            return
        self._last_ns = seen.stamp_ns
        if not self._running:
            return
        closed = (positions[self._robot.gripper or 0] - self._robot.gripper_open) / (
            self._robot.gripper_closed - self._robot.gripper_open
        )
        self._width = self._opening * (1.0 - float(closed))
        height = float(self._arm.forward(positions[self._robot.arm])[0][2])
        self._watch.see(seen.stamp_ns, self._lifted(seen.stamp_ns, height))

    def decided(self) -> Verdict | None:
        return self._watch.decided(self._reason(), self._facts())

    def verdict(self) -> Verdict:
        return self._watch.verdict("the joints", self._reason(), self._facts())

    def _lifted(self, stamp_ns: int, height: float) -> bool:
        fits = self._options.width_min <= self._width <= self._options.width_max
        firm = self._options.min_effort == 0 or self._effort >= self._options.min_effort
        if fits and firm:
            self._held_ns = stamp_ns
            self._grasp_height = height if self._grasp_height is None else min(height, self._grasp_height)
        elif self._grasp_height is not None and stamp_ns - self._held_ns > SLIP_NS:
            self._grasp_height = None
        if self._grasp_height is None:
            return False
        self._highest = max(self._highest, height - self._grasp_height)
        return fits and firm and is_lifted(height, self._grasp_height, self._lift)

    def _reason(self) -> str:
        if math.isinf(self._highest):
            wanted = f"{self._options.width_min:g} to {self._options.width_max:g} m"
            return f"the fingers never stood {wanted} apart" if np.isfinite(self._width) else "no joint state"
        return f"with the object between the fingers the tool rose {self._highest:.3f} m at most (asked for: {self._lift:g} m)"

    def _facts(self) -> dict[str, float | None]:
        return {
            "lift": None if math.isinf(self._highest) else self._highest,
            "last_width": None if math.isnan(self._width) else self._width,
        }
