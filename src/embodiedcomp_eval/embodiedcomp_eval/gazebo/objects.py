"""The eleven objects of the benchmark as primitives: extents, origin, mass and friction of robosuite's."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.gazebo.solids import Solid, lowest_point, rotation_of_rpy
from embodiedcomp_eval.layout import BASE, DROP_HEIGHT, REST_ORIENTATION, TABLE_HEIGHT
from embodiedcomp_eval.scene import Scene

Vector = npt.NDArray[np.float64]
TABLE_TOP = TABLE_HEIGHT - BASE[2]
"""m, in the base frame."""


@dataclass(frozen=True)
class Thing:
    """mass: kg. friction: Coulomb's coefficient against a surface of 1."""

    mass: float
    friction: float
    solids: tuple[Solid, ...]


WHITE, RED, YELLOW, BROWN = (0.92, 0.93, 0.95), (0.8, 0.1, 0.1), (0.95, 0.83, 0.15), (0.78, 0.55, 0.28)
GREEN, BLUE, BRASS, WOOD, IRON = (0.15, 0.5, 0.25), (0.1, 0.3, 0.8), (0.8, 0.65, 0.3), (0.7, 0.5, 0.3), (0.3, 0.3, 0.33)


def _bars(bars: tuple[tuple[float, float, float, float, float], ...]) -> tuple[Solid, ...]:
    """Flat bars of a nut: x, y (m), half extents in x and y (m), turn about z (rad); 20 mm high."""
    return tuple(
        Solid("box", (2 * half_x, 2 * half_y, 0.02), (x, y, 0.0), (0.0, 0.0, turn), BRASS)
        for x, y, half_x, half_y, turn in bars
    )


THINGS = {
    "milk": Thing(0.0208, 0.95, (Solid("box", (0.040, 0.040, 0.144), (0.0, 0.0, 0.011), colour=WHITE),)),
    "can": Thing(0.0160, 0.95, (Solid("cylinder", (0.025, 0.080), colour=RED),)),
    "cube": Thing(0.0170, 1.0, (Solid("box", (0.044, 0.044, 0.044), colour=RED),)),
    "bottle": Thing(
        0.0140,
        0.95,
        (
            Solid("cylinder", (0.0276, 0.100), (0.0, 0.0, -0.0146), colour=GREEN),
            Solid("cylinder", (0.012, 0.060), (0.0, 0.0, 0.0654), colour=GREEN),
        ),
    ),
    "lemon": Thing(0.00265, 0.95, (Solid("capsule", (0.020, 0.028), rpy=(0.0, pi / 2, 0.0), colour=YELLOW),)),
    "bread": Thing(0.00413, 0.95, (Solid("box", (0.048, 0.040, 0.047), colour=BROWN),)),
    "cereal": Thing(0.0675, 0.95, (Solid("box", (0.100, 0.030, 0.150), colour=YELLOW),)),
    "square_nut": Thing(
        0.0158,
        0.95,
        _bars(
            (
                (-0.0332, 0.0, 0.0105, 0.0438, 0.0),
                (0.0332, 0.0, 0.0105, 0.0438, 0.0),
                (0.0, 0.0332, 0.0227, 0.0105, 0.0),
                (0.0, -0.0332, 0.0227, 0.0105, 0.0),
                (0.061, 0.0, 0.0183, 0.0159, 0.0),
            )
        ),
    ),
    "round_nut": Thing(
        0.0194,
        0.95,
        _bars(
            (
                (-0.0424, 0.0, 0.0112, 0.0225, 0.0),
                (0.0424, 0.0, 0.0112, 0.0225, 0.0),
                (0.0, -0.0424, 0.0225, 0.0112, 0.0),
                (0.0, 0.0424, 0.0225, 0.0112, 0.0),
                (-0.030, -0.030, 0.0112, 0.0225, pi / 4),
                (0.030, 0.030, 0.0112, 0.0225, pi / 4),
                (0.030, -0.030, 0.0225, 0.0112, pi / 4),
                (-0.030, 0.030, 0.0225, 0.0112, pi / 4),
                (0.0695, 0.0, 0.0159, 0.0159, 0.0),
            )
        ),
    ),
    "capsule": Thing(0.0241, 1.0, (Solid("capsule", (0.022, 0.050), colour=BLUE),)),
    "hammer": Thing(
        0.0677,
        3.0,
        (
            Solid("box", (0.032, 0.032, 0.150), colour=WOOD),
            Solid("box", (0.0744, 0.0372, 0.0372), (0.0, 0.0, 0.0936), colour=IRON),
            Solid("cylinder", (0.0186, 0.0149), (0.0446, 0.0, 0.0936), (0.0, pi / 2, 0.0), IRON),
            Solid("box", (0.0264, 0.0354, 0.0264), (-0.0372, 0.0, 0.0936), (0.0, pi / 4, 0.0), IRON),
        ),
    ),
}


def rest_rotation(kind: str, yaw: float) -> Vector:
    """``(3, 3)``: how an object of that kind lies on the table, turned by ``yaw`` rad about the vertical."""
    w, x, y, z = REST_ORIENTATION.get(kind, (1.0, 0.0, 0.0, 0.0))
    roll = 2.0 * np.arctan2(x, w)  # all of them are turned about x alone
    return rotation_of_rpy((0.0, 0.0, yaw)) @ rotation_of_rpy((roll, y, z))


def place(scene: Scene) -> tuple[Vector, Vector]:
    """Position ``(3,)`` m and rotation ``(3, 3)``, base frame, at which the scene's object is let go over the table."""
    rotation = rest_rotation(scene.object, scene.yaw)
    bottom = lowest_point(THINGS[scene.object].solids, rotation)
    return np.array([scene.x, scene.y, TABLE_TOP + bottom + DROP_HEIGHT]), rotation
