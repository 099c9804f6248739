"""A robot as the guard and the policies see it: joints in order, their limits, the ages that a command may reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_policy.config import ConfigError, check_keys, find_config, read_mapping

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tool:
    """Where the arm's kinematics are described, and the tool frame on them.

    urdf: path of the URDF. frame: name of a link in it. offset: ``(3,)`` m and rpy: ``(3,)`` rad (fixed axes x, y, z),
    the tool's pose in that link.
    """

    urdf: Path
    frame: str
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Robot:
    """Joint limits ``(J,) float64`` in the order of ``names``: rad, rad, rad/s, rad (a gripper's may be in m).

    step: largest change between neighbouring points of a chunk; the gripper's is its whole range unless the file says
        otherwise (its speed is what limits it).
    gripper: index of the gripper's joint, or None.
    gripper_open, gripper_closed: its positions at either end; 0 without a gripper.
    gripper_width: m between the fingers fully open; NaN where the file doesn't say.
    max_observation_age, max_chunk_age: s.
    """

    name: str
    names: tuple[str, ...]
    lower: Vector
    upper: Vector
    velocity: Vector
    step: Vector
    gripper: int | None
    max_step: float
    max_observation_age: float
    max_chunk_age: float
    gripper_open: float = 0.0
    gripper_closed: float = 0.0
    gripper_width: float = math.nan
    tool: Tool | None = None

    @property
    def arm(self) -> list[int]:
        """Indices of the joints that are not the gripper."""
        return [index for index in range(len(self.names)) if index != self.gripper]

    @property
    def arm_names(self) -> tuple[str, ...]:
        return tuple(self.names[index] for index in self.arm)

    @property
    def max_observation_age_ns(self) -> int:
        return round(self.max_observation_age * 1e9)

    @property
    def max_chunk_age_ns(self) -> int:
        return round(self.max_chunk_age * 1e9)

    def reorder(self, names: Sequence[str], positions: Sequence[float]) -> Vector | None:
        """``(J,)`` positions in this robot's order from a joint state message's fields, None while a joint is missing."""
        if len(names) != len(positions):
            return None
        index = dict(zip(names, positions, strict=True))
        if any(name not in index for name in self.names):
            return None
        return np.array([index[name] for name in self.names], dtype=np.float64)


def mismatch(first: Robot, second: Robot) -> str:
    """How two robots differ in what a target means: name, joints, limits; empty if they don't."""
    if first.name != second.name:
        return f"robot {first.name} is not {second.name}"
    if first.names != second.names:
        return f"joints {', '.join(first.names)} are not {', '.join(second.names)}"
    for what in ("lower", "upper", "velocity"):
        one, other = getattr(first, what), getattr(second, what)
        if (different := ~np.isclose(one, other)).any():
            joint = int(np.argmax(different))
            return (
                f"{what} limit of '{first.names[joint]}' is {one[joint]:g} in one file, {other[joint]:g} in the other"
            )
    if (first.gripper, first.gripper_open) != (second.gripper, second.gripper_open):
        return "the gripper opens the other way"
    return ""


def load_robot(name_or_path: str) -> Robot:
    """The robot of that name in ``config/robots`` or of that file. Raises ConfigError with one line."""
    path = find_config("robots", name_or_path)
    return robot_from_mapping(read_mapping(path), str(path), path.parent)


def robot_from_mapping(data: Mapping[str, Any], where: str, folder: Path) -> Robot:
    """Check and convert a robot file's content; ``folder`` is what its URDF path is relative to."""
    check_keys(where, data, ("name", "joints", "max_step", "max_observation_age", "max_chunk_age"), ("tool",))
    joints = data["joints"]
    if not isinstance(joints, list) or not joints:
        raise ConfigError(f"{where}: 'joints' must be a list of at least one joint")
    max_step = _number(where, "max_step", data["max_step"], positive=True)
    lower, upper, velocity, step, grippers = [], [], [], [], []
    for index, joint in enumerate(joints):
        here = f"{where}: joint {index}"
        if not isinstance(joint, dict):
            raise ConfigError(f"{here}: expected a mapping, found {type(joint).__name__}")
        check_keys(here, joint, ("name", "lower", "upper", "velocity"), ("gripper", "max_step", "open", "width"))
        low, high = _number(here, "lower", joint["lower"]), _number(here, "upper", joint["upper"])
        if low >= high:
            raise ConfigError(f"{here}: lower {low} must be below upper {high}")
        lower.append(low)
        upper.append(high)
        velocity.append(_number(here, "velocity", joint["velocity"], positive=True))
        is_gripper = joint.get("gripper", False)
        if not isinstance(is_gripper, bool):
            raise ConfigError(f"{here}: gripper must be true or false, not '{is_gripper}'")
        if is_gripper:
            grippers.append(index)
        if "open" in joint:
            opened = _number(here, "open", joint["open"])
            if not is_gripper or opened not in (low, high):
                raise ConfigError(f"{here}: open must be a gripper's lower {low} or upper {high}, not {opened}")
        if "width" in joint and not is_gripper:
            raise ConfigError(f"{here}: width is a gripper's, and this joint is none")
        default = high - low if is_gripper else max_step
        step.append(_number(here, "max_step", joint.get("max_step", default), positive=True))
    names = tuple(str(joint["name"]) for joint in joints)
    if len(set(names)) != len(names):
        raise ConfigError(f"{where}: joint names must differ, found {', '.join(names)}")
    if grippers and grippers != [len(names) - 1]:
        raise ConfigError(f"{where}: the gripper must be one joint, the last; found it at {grippers}")
    ages = [_number(where, key, data[key], positive=True) for key in ("max_observation_age", "max_chunk_age")]
    if ages[0] > ages[1]:
        raise ConfigError(f"{where}: max_observation_age {ages[0]} must not exceed max_chunk_age {ages[1]}")
    opened = float(joints[-1].get("open", lower[-1])) if grippers else 0.0
    width = _number(where, "width", joints[-1]["width"], positive=True) if "width" in joints[-1] else math.nan
    return Robot(
        name=str(data["name"]),
        names=names,
        lower=np.array(lower),
        upper=np.array(upper),
        velocity=np.array(velocity),
        step=np.array(step),
        gripper=grippers[0] if grippers else None,
        max_step=max_step,
        max_observation_age=ages[0],
        max_chunk_age=ages[1],
        gripper_open=opened,
        gripper_closed=lower[-1] + upper[-1] - opened if grippers else 0.0,
        gripper_width=width,
        tool=_tool(where, data["tool"], folder) if "tool" in data else None,
    )


def _tool(where: str, data: Any, folder: Path) -> Tool:
    here = f"{where}: tool"
    if not isinstance(data, dict):
        raise ConfigError(f"{here}: expected a mapping, found {type(data).__name__}")
    check_keys(here, data, ("urdf", "frame"), ("offset", "rpy"))
    urdf = folder / str(data["urdf"])
    if not urdf.is_file():
        raise ConfigError(f"{here}: no such file: {urdf}")
    return Tool(urdf, str(data["frame"]), _triple(here, "offset", data), _triple(here, "rpy", data))


def _triple(where: str, key: str, data: Mapping[str, Any]) -> tuple[float, float, float]:
    value = data.get(key, [0.0, 0.0, 0.0])
    if not isinstance(value, list) or len(value) != 3:
        raise ConfigError(f"{where}: {key} must be three numbers, not '{value}'")
    x, y, z = (_number(where, key, item) for item in value)
    return x, y, z


def _number(where: str, key: str, value: Any, positive: bool = False) -> float:
    wanted = "a positive number" if positive else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{where}: {key} must be {wanted}, not '{value}'")
    if positive and value <= 0:
        raise ConfigError(f"{where}: {key} must be {wanted}, not {value}")
    return float(value)
