"""The Robotiq 2F-85 as two pivoting fingers with parallel tips: four joints that follow one command.

Lengths are those of robosuite's model (frame: the flange, z along the fingers, y the way they open). In the real
gripper a four-bar linkage keeps the tips parallel; here each tip's joint turns back by the knuckle's angle, which gives
the same path without a closed chain, which physics engines of Gazebo resolve poorly. Angles 0 (open, 85 mm) to 0.8 rad.
"""

from __future__ import annotations

from embodiedcomp_eval.gazebo.arm import Joint, Link
from embodiedcomp_eval.gazebo.solids import Solid

DRIVEN = "robotiq_85_left_knuckle_joint"
"""The one joint that commands and joint states know."""
RATIOS = {
    DRIVEN: 1.0,
    "robotiq_85_right_knuckle_joint": -1.0,
    "robotiq_85_left_finger_tip_joint": -1.0,
    "robotiq_85_right_finger_tip_joint": 1.0,
}
"""Angle of each joint over that of the driven one: the mimic ratios of the maker's URDF."""
OPEN, CLOSED = 0.0, 0.8
HAND = "robotiq_85_base_link"
TIPS = ("robotiq_85_left_finger_tip_link", "robotiq_85_right_finger_tip_link")
PAD = "pad"
"""Name of a tip's collision shape that holds the object and feels contact."""
BLACK, STEEL = (0.12, 0.12, 0.13), (0.45, 0.45, 0.47)
KNUCKLE = (0.0306, 0.0549)
"""m, (y, z) of a knuckle's axis; the other lies at -y."""
TIP = (0.0376, 0.0430)
"""m, (y, z) of the tip's axis from the knuckle's, gripper open."""
STIFFNESS, DAMPING, EFFORT, SPEED = 20.0, 0.4, 1.2, 4.0
"""N m/rad, N m s/rad, N m (20 N between the pads), rad/s of a knuckle."""
TIP_STIFFNESS, TIP_DAMPING, TIP_EFFORT = 30.0, 0.2, 4.0


def _finger(side: float) -> tuple[Solid, Solid]:
    """Two bars from the knuckle to the tip's axis."""
    y, z = TIP
    return (
        Solid("box", (0.022, 0.016, 0.030), (0.0, side * 0.5 * y, 0.2 * z), (-side * 0.6, 0.0, 0.0), STEEL),
        Solid("box", (0.018, 0.014, 0.040), (0.0, side * 0.95 * y, 0.6 * z), (-side * 0.1, 0.0, 0.0), STEEL),
    )


def pad(side: float) -> Solid:
    """The flat face that touches the object, in its tip's frame."""
    return Solid("box", (0.022, 0.0075, 0.0376), (0.0, -side * 0.02175, 0.0324), colour=BLACK)


def _tip(side: float) -> tuple[Solid, ...]:
    return (
        pad(side),
        Solid("box", (0.018, 0.020, 0.030), (0.0, -side * 0.008, 0.012), colour=STEEL),
    )


LINKS = (
    Link(
        HAND,
        0.72,
        (
            Solid("cylinder", (0.0375, 0.022), (0.0, 0.0, 0.011), colour=STEEL),
            Solid("box", (0.070, 0.080, 0.050), (0.0, 0.0, 0.045), colour=BLACK),
        ),
    ),
    Link("robotiq_85_left_finger_link", 0.06, _finger(-1.0)),
    Link("robotiq_85_right_finger_link", 0.06, _finger(1.0)),
    Link(TIPS[0], 0.05, _tip(-1.0)),
    Link(TIPS[1], 0.05, _tip(1.0)),
)


def joints(flange: str) -> tuple[Joint, ...]:
    """The hand fixed to the link ``flange``, then the four moving joints. A positive driven angle closes."""
    (ky, kz), (ty, tz) = KNUCKLE, TIP
    found = [Joint("robotiq_85_base_joint", flange, HAND, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), fixed=True)]
    for name, side in (("left", -1.0), ("right", 1.0)):
        knuckle, tip = f"robotiq_85_{name}_knuckle_joint", f"robotiq_85_{name}_finger_tip_joint"
        finger, end = f"robotiq_85_{name}_finger_link", f"robotiq_85_{name}_finger_tip_link"
        # About +x the right finger closes; the left closes about -x. The ratio's sign is put on the axis.
        axis = (side * RATIOS[knuckle], 0.0, 0.0)
        back = (-side * RATIOS[tip], 0.0, 0.0)
        found.append(
            Joint(
                knuckle, HAND, finger, (0.0, side * ky, kz), (0.0, 0.0, 0.0), axis, *_range(RATIOS[knuckle]),
                EFFORT, SPEED, STIFFNESS, DAMPING,
            )
        )  # fmt: skip
        found.append(
            Joint(
                tip, finger, end, (0.0, side * ty, tz), (0.0, 0.0, 0.0), back, *_range(RATIOS[tip]),
                TIP_EFFORT, SPEED, TIP_STIFFNESS, TIP_DAMPING,
            )
        )  # fmt: skip
    return tuple(found)


def _range(ratio: float) -> tuple[float, float]:
    low, high = sorted((ratio * OPEN, ratio * CLOSED))
    return low - 0.05, high + 0.05
