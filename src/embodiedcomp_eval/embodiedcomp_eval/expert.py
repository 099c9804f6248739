"""The scripted expert: where the gripper should go next, from ground truth. For training, tests and demonstrations.

It is a function of the present state alone, so that it can relabel any state that a learned policy gets into: approach
above the grasp, sink through a funnel that narrows towards it, close, rise; anything lost on the way starts over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

PERIOD = 0.1  # s between the poses of a plan
SPEED = 0.012  # m per period, horizontally
SINK = 0.011  # m per period, downwards
RISE = 0.014  # m per period, upwards
TURN = 0.10  # rad per period
CLOSE = 0.20  # rad per period
CLOSED = 0.8  # rad, the gripper's closed target
OPEN = 0.0
TABLE = -0.112  # m, table top in the base frame
FINGER_CLEARANCE = 0.023  # m, the least height of the tool over the table: closing fingers swing down
NEAR = 0.006  # m, horizontal error at which the gripper may sink all the way
TURNED = 0.12  # rad, yaw error likewise
FUNNEL = 4.0  # m of height per m of horizontal error
CEILING = 0.20  # m, base frame: a held object is carried up to here, well past the benchmark's 0.12
SETTLE = 2  # periods with the fingers on the object before it rises


@dataclass(frozen=True)
class Grasp:
    """How a kind of object is held, in its own frame: where, how large it is there, and how high above that point.

    center: ``(3,)`` m. half: ``(3,)`` m, half extents of the graspable part. round_axis: index of an axis of revolution
    (any yaw will do when it stands upright) or None. drop: m, how far below the part's top the tool goes.
    """

    center: tuple[float, float, float]
    half: tuple[float, float, float]
    round_axis: int | None = None
    drop: float = 0.035


GRASPS = {
    "milk": Grasp((0.0, 0.0, 0.0), (0.020, 0.020, 0.060)),
    "can": Grasp((0.0, 0.0, 0.0), (0.026, 0.026, 0.040), round_axis=2),
    "cube": Grasp((0.0, 0.0, 0.0), (0.022, 0.022, 0.022)),
    "bottle": Grasp((0.0, 0.0, -0.010), (0.028, 0.028, 0.055), round_axis=2, drop=0.030),
    "lemon": Grasp((0.0, 0.0, 0.0), (0.050, 0.020, 0.022)),
    "bread": Grasp((0.0, 0.0, 0.0), (0.024, 0.020, 0.024)),
    "cereal": Grasp((0.0, 0.0, 0.0), (0.050, 0.015, 0.075)),
    "square_nut": Grasp((0.057, 0.0, 0.0), (0.050, 0.016, 0.010)),
    "round_nut": Grasp((0.063, 0.0, 0.0), (0.050, 0.016, 0.010)),
    "capsule": Grasp((0.0, 0.0, 0.0), (0.022, 0.022, 0.047), round_axis=2),
    "hammer": Grasp((0.0, 0.0, 0.035), (0.016, 0.016, 0.100)),
}


@dataclass(frozen=True)
class Goal:
    """A vertical grasp: the tool's ``position`` ``(3,)`` m, its ``yaw`` rad, the part's ``half_width`` m, its ``top`` m."""

    position: Vector
    yaw: float
    half_width: float
    top: float


def wrap(angle: float, period: float = 2 * np.pi) -> float:
    """``angle`` brought into [-period/2, period/2)."""
    return float((angle + period / 2) % period - period / 2)


def goal_of(kind: str, position: Vector, rotation: Vector, tool: Vector) -> Goal:
    """The grasp of an object lying as it lies: ``rotation`` ``(3, 3)``; of equal ones, the nearest to the tool's yaw."""
    grasp = GRASPS[kind]
    half = np.array(grasp.half)
    center = position + rotation @ np.array(grasp.center)
    up = np.abs(rotation[2])  # share of each own axis that is vertical
    top = float(center[2] + up @ half)
    height = max(top - grasp.drop, TABLE + FINGER_CLEARANCE)
    if grasp.round_axis is not None and up[grasp.round_axis] > 0.8:
        yaw, width = _reachable(float(tool[3]), float(tool[3])), half[(grasp.round_axis + 1) % 3]
    else:
        options = []
        for axis in range(3):
            across = rotation[:2, axis]
            length = float(np.linalg.norm(across))
            if length < 0.5 or half[axis] > 0.038:
                continue
            # The fingers close along the tool's y axis: yaw is the angle of that axis from the base's y.
            yaw = _reachable(float(np.arctan2(across[1], across[0])) - np.pi / 2, float(tool[3]))
            thin = float(half[axis] - half.min())
            options.append((abs(wrap(yaw - tool[3])) + 60.0 * thin, yaw, float(half[axis])))
        # Lying so that no graspable side is level, or off the table: across whatever there is, until it has rolled on.
        _, yaw, width = min(options, default=(0.0, _reachable(float(tool[3]), float(tool[3])), float(half.min())))
    return Goal(np.array([center[0], center[1], height]), yaw, float(width), top)


def _reachable(yaw: float, now: float) -> float:
    """The equivalent of ``yaw`` (half a turn gives the same grasp) within 100 degrees of straight, nearest to ``now``."""
    options = [yaw + k * np.pi for k in range(-4, 5)]
    allowed = [o for o in options if abs(o) <= np.deg2rad(100)]
    return float(min(allowed, key=lambda o: abs(o - now)))


def finger_angle(half_width: float) -> float:
    """Joint angle (rad) at which the fingers touch a part of that half width (m), measured on the simulated gripper."""
    return float(np.interp(half_width, [0.0, 0.0134, 0.0241, 0.0345, 0.044], [0.8, 0.625, 0.426, 0.232, 0.038]))


def plan(kind: str, position: Vector, rotation: Vector, tool: Vector, finger: float, periods: int) -> Vector:
    """The next ``periods`` poses ``(T, 5)`` (x, y, z, yaw, gripper), one per 0.1 s.

    position ``(3,)`` m and rotation ``(3, 3)``: the object in the base frame. tool ``(4,)``: x, y, z, yaw now.
    finger: measured gripper joint, rad.
    """
    goal = goal_of(kind, position, rotation, tool)
    touch = finger_angle(goal.half_width)
    pose = np.array(tool, dtype=np.float64)
    gripper = float(finger)
    held = -1
    if gripper > touch - 0.06 and _at(goal, pose, 0.020, 0.045, 0.35):
        held = SETTLE
    poses = np.empty((periods, 5))
    for index in range(periods):
        if held >= SETTLE:
            pose[2] = max(pose[2], min(pose[2] + RISE, CEILING))
            gripper = CLOSED
        elif held >= 0 or _at(goal, pose, 0.010, 0.006, TURNED):
            gripper = min(CLOSED, gripper + CLOSE)
            held = held + 1 if gripper >= touch + 0.1 else max(held, 0)
        else:
            pose = _approach(goal, pose)
            gripper = OPEN
        poses[index] = (*pose, gripper)
    return poses


def _at(goal: Goal, pose: Vector, distance: float, height: float, angle: float) -> bool:
    """Whether the tool is at the grasp: within ``distance`` m horizontally, ``height`` m vertically, ``angle`` rad."""
    off = np.abs(pose[:3] - goal.position)
    return bool(np.hypot(*off[:2]) < distance and off[2] < height and abs(wrap(pose[3] - goal.yaw, np.pi)) < angle)


def _approach(goal: Goal, pose: Vector) -> Vector:
    """One period towards the grasp, down the funnel."""
    offset = goal.position[:2] - pose[:2]
    distance = float(np.linalg.norm(offset))
    turn = wrap(goal.yaw - pose[3])
    safe = goal.top + 0.045 - goal.position[2]
    error = max(0.0, distance - NEAR) * FUNNEL + max(0.0, abs(turn) - TURNED) * 0.15
    height = goal.position[2] + min(max(safe, 0.06), error if error < safe else max(safe, 0.06))
    low = pose[2] < min(height, goal.position[2] + safe) - 0.02
    move = offset * min(1.0, SPEED / max(distance, 1e-9)) * (0.0 if low and distance > 0.02 else 1.0)
    new = pose.copy()
    new[:2] += move
    new[2] += np.clip(height - pose[2], -SINK, RISE)
    new[3] += np.clip(turn, -TURN, TURN)
    return new
