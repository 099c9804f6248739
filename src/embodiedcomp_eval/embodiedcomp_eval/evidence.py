"""What a judge may know of a trial on a robot, read from messages: the same of a live message and of one in a bag. Pure.

Both kinds of message carry their fields as attributes of the same names, so no message package is needed here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

SECOND = 1_000_000_000
MAX_FUTURE_NS = 100_000_000
"""A stamp further ahead of its message's arrival is of another clock: what bears it proves nothing."""
FUTURE, NOT_FINITE = "stamped in the future", "not finite"


@dataclass(frozen=True)
class PoseSeen:
    """Where the object was. frame: that position ``(3,)`` m is given in."""

    stamp_ns: int
    frame: str
    position: Vector


@dataclass(frozen=True)
class TransformSeen:
    """Pose of ``child`` in ``parent``: translation ``(3,)`` m, rotation ``(4,)`` a unit quaternion w, x, y, z."""

    stamp_ns: int
    parent: str
    child: str
    translation: Vector
    rotation: Vector
    static: bool = False


@dataclass(frozen=True)
class JointsSeen:
    """Joint positions by name, rad (a gripper's may be in m); effort by name, N m or N, where the driver tells it."""

    stamp_ns: int
    names: tuple[str, ...]
    positions: tuple[float, ...]
    effort: tuple[float, ...] = ()


@dataclass(frozen=True)
class ValuesSeen:
    """Numbers by field: ``value``, or ``force``, ``force_x`` … (N) and ``torque``, ``torque_x`` … (N m)."""

    stamp_ns: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class WordSeen:
    """What the operator said."""

    stamp_ns: int
    word: str


Evidence = PoseSeen | TransformSeen | JointsSeen | ValuesSeen | WordSeen


class Intake:
    """Messages to evidence. What can't be believed is dropped and counted in ``dropped``: (topic, why) -> messages."""

    def __init__(self, by_header: bool = True) -> None:
        """by_header: time is the messages' own stamp; else when they came."""
        self.dropped: Counter[tuple[str, str]] = Counter()
        self._by_header = by_header

    def read(self, topic: str, msgtype: str, message: Any, received_ns: int) -> list[Evidence]:
        """Everything that one message says. received_ns: its arrival on the clock of the stamps, and its time where it
        bears none (no header, or a stamp of zero). Raises KeyError for a type not in ``READERS``."""
        found: list[Evidence] = []
        for seen in READERS[msgtype](topic, message, received_ns):
            static = isinstance(seen, TransformSeen) and seen.static
            why = self._unbelievable(seen, received_ns, static)
            if why is not None:
                self.dropped[topic, why] += 1
            elif self._by_header or static:
                found.append(seen)
            else:
                found.append(_restamped(seen, received_ns))
        return found

    def reset(self) -> None:
        """Count anew."""
        self.dropped.clear()

    def complaint(self) -> str:
        """What was dropped, for people; empty if nothing was."""
        return "; ".join(f"{count} on {topic} dropped: {why}" for (topic, why), count in sorted(self.dropped.items()))

    def _unbelievable(self, seen: Evidence, received_ns: int, static: bool) -> str | None:
        if not static and self._by_header and seen.stamp_ns > received_ns + MAX_FUTURE_NS:
            return FUTURE
        return None if np.isfinite(_numbers(seen)).all() else NOT_FINITE


def _numbers(seen: Evidence) -> Vector:
    if isinstance(seen, PoseSeen):
        return seen.position
    if isinstance(seen, TransformSeen):
        return np.concatenate([seen.translation, seen.rotation])
    if isinstance(seen, JointsSeen):
        return np.array(seen.positions, dtype=np.float64)
    if isinstance(seen, ValuesSeen):
        return np.array(list(seen.values.values()), dtype=np.float64)
    return np.zeros(0)


def _restamped(seen: Evidence, stamp_ns: int) -> Evidence:
    values = {name: getattr(seen, name) for name in seen.__dataclass_fields__}
    return type(seen)(**{**values, "stamp_ns": stamp_ns})


def _stamp(header: Any, received_ns: int) -> int:
    stamp_ns = int(header.stamp.sec) * SECOND + int(header.stamp.nanosec)
    return stamp_ns or received_ns


def _vector(point: Any) -> Vector:
    return np.array([point.x, point.y, point.z], dtype=np.float64)


def _pose(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    pose = message.pose.pose if hasattr(message.pose, "pose") else message.pose  # with covariance
    return [PoseSeen(_stamp(message.header, received_ns), _frame(message.header.frame_id), _vector(pose.position))]


def _transform_as_pose(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    place = _vector(message.transform.translation)
    return [PoseSeen(_stamp(message.header, received_ns), _frame(message.header.frame_id), place)]


def _transforms(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    static = topic.endswith("tf_static")
    found: list[Evidence] = []
    for one in message.transforms:
        turn = one.transform.rotation
        rotation = np.array([turn.w, turn.x, turn.y, turn.z], dtype=np.float64)
        length = float(np.linalg.norm(rotation))
        rotation = rotation / length if length > 0 else np.full(4, math.nan)
        stamp_ns = _stamp(one.header, received_ns)
        parent, child = _frame(one.header.frame_id), _frame(one.child_frame_id)
        found.append(TransformSeen(stamp_ns, parent, child, _vector(one.transform.translation), rotation, static))
    return found


def _joints(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    names, positions = tuple(message.name), tuple(float(value) for value in message.position)
    if len(names) != len(positions):
        return []  # a state of velocities alone
    effort = tuple(float(value) for value in message.effort)
    return [
        JointsSeen(_stamp(message.header, received_ns), names, positions, effort if len(effort) == len(names) else ())
    ]


def _number(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    return [ValuesSeen(received_ns, {"value": float(message.data)})]


def _wrench(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    values = {}
    for name in ("force", "torque"):
        vector = _vector(getattr(message.wrench, name))
        values[name] = float(np.linalg.norm(vector))
        values |= {f"{name}_{axis}": float(value) for axis, value in zip("xyz", vector, strict=True)}
    return [ValuesSeen(_stamp(message.header, received_ns), values)]


def _word(topic: str, message: Any, received_ns: int) -> list[Evidence]:
    return [WordSeen(received_ns, str(message.data))]


def _frame(name: str) -> str:
    return name.removeprefix("/")  # as tf2 reads the names of ROS 1


Reader = Callable[[str, Any, int], Sequence[Evidence]]
POSE_TYPES = (
    "geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/PoseWithCovarianceStamped", "geometry_msgs/msg/TransformStamped",
)  # fmt: skip
TF_TYPES = ("tf2_msgs/msg/TFMessage",)
JOINT_TYPES = ("sensor_msgs/msg/JointState",)
VALUE_TYPES = (
    "std_msgs/msg/Bool", "std_msgs/msg/Float64", "std_msgs/msg/Float32", "std_msgs/msg/Int32", "geometry_msgs/msg/WrenchStamped",
)  # fmt: skip
WORD_TYPES = ("std_msgs/msg/String",)
READERS: dict[str, Reader] = {
    POSE_TYPES[0]: _pose,
    POSE_TYPES[1]: _pose,
    POSE_TYPES[2]: _transform_as_pose,
    TF_TYPES[0]: _transforms,
    JOINT_TYPES[0]: _joints,
    **dict.fromkeys(VALUE_TYPES[:4], _number),
    VALUE_TYPES[4]: _wrench,
    WORD_TYPES[0]: _word,
}
"""Message type -> (topic, message, arrival in ns) -> evidence."""
