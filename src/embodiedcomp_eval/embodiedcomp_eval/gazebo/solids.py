"""Primitive solids: how they turn into mass, centre and inertia of a body of even density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Shape = Literal["box", "cylinder", "capsule", "sphere"]


@dataclass(frozen=True)
class Solid:
    """A primitive in its body's frame.

    size: m; box: the three edges; cylinder, capsule: radius, length (a capsule's without its caps); sphere: radius.
    Cylinders and capsules lie along their own z. position: ``(3,)`` m. rpy: ``(3,)`` rad about fixed x, y, z.
    colour: (r, g, b), 0 to 1. collides: False where it is only to be seen.
    """

    shape: Shape
    size: tuple[float, ...]
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    collides: bool = True


@dataclass(frozen=True)
class MassProperties:
    """mass: kg. center: ``(3,)`` m. inertia: ``(3, 3)`` kg m^2 about the centre, in the body's axes."""

    mass: float
    center: Vector
    inertia: Vector


def rotation_of_rpy(rpy: npt.ArrayLike) -> Vector:
    """Rotation matrix ``(3, 3)`` of roll, pitch, yaw about fixed axes, as URDF and SDF mean them: Rz Ry Rx."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(rpy), np.cos(rpy)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rpy_of_rotation(rotation: Vector) -> Vector:
    """The inverse of ``rotation_of_rpy``; at a pitch of a quarter turn the yaw is 0."""
    pitch = np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0]))
    if np.cos(pitch) < 1e-9:
        return np.array([np.arctan2(rotation[0, 1], rotation[1, 1]) * np.sign(pitch), pitch, 0.0])
    return np.array([np.arctan2(rotation[2, 1], rotation[2, 2]), pitch, np.arctan2(rotation[1, 0], rotation[0, 0])])


def quaternion_of_rotation(rotation: Vector) -> tuple[float, float, float, float]:
    """(w, x, y, z) of a rotation matrix ``(3, 3)``."""
    roll, pitch, yaw = rpy_of_rotation(rotation) / 2.0
    (cr, cp, cy), (sr, sp, sy) = np.cos((roll, pitch, yaw)), np.sin((roll, pitch, yaw))
    return (
        float(cr * cp * cy + sr * sp * sy),
        float(sr * cp * cy - cr * sp * sy),
        float(cr * sp * cy + sr * cp * sy),
        float(cr * cp * sy - sr * sp * cy),
    )


def felt(solid: Solid) -> tuple[Solid, ...]:
    """What physics shall feel of it: a capsule is felt as an eight-sided bar, four boxes across each other.

    Fortress's physics lets a lying capsule sink into the table, and none of Gazebo's knows friction of rolling, by which
    robosuite's round objects stay where they lie. A flat lies at either end of the capsule's own x and y axes.
    """
    if solid.shape != "capsule":
        return (solid,)
    radius, length = solid.size
    size = (2.0 * radius, 2.0 * radius * float(np.tan(np.pi / 8.0)), length + radius)
    turned = rotation_of_rpy(solid.rpy)
    made = []
    for quarter in range(4):
        roll, pitch, yaw = rpy_of_rotation(turned @ rotation_of_rpy((0.0, 0.0, quarter * np.pi / 4.0)))
        rpy = (float(roll), float(pitch), float(yaw))
        made.append(Solid("box", size, solid.position, rpy, solid.colour, solid.collides))
    return tuple(made)


def volume(solid: Solid) -> float:
    """m^3."""
    match solid.shape:
        case "box":
            return float(np.prod(solid.size))
        case "cylinder":
            radius, length = solid.size
            return float(np.pi * radius**2 * length)
        case "capsule":
            radius, length = solid.size
            return float(np.pi * radius**2 * (length + 4.0 / 3.0 * radius))
        case "sphere":
            return float(4.0 / 3.0 * np.pi * solid.size[0] ** 3)


def own_inertia(solid: Solid) -> Vector:
    """``(3,)``: principal moments about the solid's own centre and axes per kg of mass, m^2."""
    match solid.shape:
        case "box":
            squares = np.square(solid.size)
            result: Vector = (squares.sum() - squares) / 12.0
            return result
        case "cylinder":
            radius, length = solid.size
            across = (3.0 * radius**2 + length**2) / 12.0
            return np.array([across, across, radius**2 / 2.0])
        case "capsule":
            radius, length = solid.size
            tube, caps = radius**2 * length, 4.0 / 3.0 * radius**3
            share = caps / (tube + caps)
            middle = (1 - share) * (3.0 * radius**2 + length**2) / 12.0
            ends = share * (0.4 * radius**2 + length**2 / 4.0 + 3.0 / 8.0 * radius * length)
            along = (1 - share) * radius**2 / 2.0 + share * 0.4 * radius**2
            return np.array([middle + ends, middle + ends, along])
        case "sphere":
            return np.full(3, 0.4 * solid.size[0] ** 2)


def mass_properties(solids: tuple[Solid, ...], mass: float) -> MassProperties:
    """Of a body of ``mass`` kg whose density is the same in all of ``solids`` (where they overlap, twice)."""
    volumes = np.array([volume(solid) for solid in solids])
    masses = mass * volumes / volumes.sum()
    centers = np.array([solid.position for solid in solids], dtype=np.float64)
    center = masses @ centers / mass
    inertia = np.zeros((3, 3))
    for solid, part, place in zip(solids, masses, centers - center, strict=True):
        turned = rotation_of_rpy(solid.rpy)
        inertia += part * (turned @ np.diag(own_inertia(solid)) @ turned.T)
        inertia += part * (place @ place * np.eye(3) - np.outer(place, place))  # Steiner
    return MassProperties(mass, center, inertia)


def lowest_point(solids: tuple[Solid, ...], rotation: Vector) -> float:
    """m, how far a body turned by ``rotation`` ``(3, 3)`` reaches below its origin."""
    lowest = 0.0
    for solid in solids:
        turned = rotation @ rotation_of_rpy(solid.rpy)
        height = float(rotation[2] @ np.array(solid.position))
        match solid.shape:
            case "box":
                reach = float(np.abs(turned[2]) @ np.array(solid.size)) / 2.0
            case "cylinder":
                radius, length = solid.size
                along = abs(float(turned[2, 2]))
                reach = along * length / 2.0 + float(np.sqrt(max(0.0, 1.0 - along**2))) * radius
            case "capsule":
                radius, length = solid.size
                reach = abs(float(turned[2, 2])) * length / 2.0 + radius
            case "sphere":
                reach = solid.size[0]
        lowest = min(lowest, height - reach)
    return -lowest
