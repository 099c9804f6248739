"""The UR5e as Gazebo gets it: joints and limits from the project's own URDF, links as primitives with their real masses.

Masses are the maker's (Universal Robots, "DH parameters for calculations of kinematics and dynamics"). Centres and
inertias follow from primitives of even density, which is near the maker's: a position controller holds either.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from pathlib import Path
from xml.etree import ElementTree

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.gazebo.solids import Solid

GREY, BLUE, DARK = (0.75, 0.76, 0.78), (0.35, 0.55, 0.72), (0.25, 0.26, 0.28)
ACROSS = (pi / 2, 0.0, 0.0)
ALONG_X = (0.0, pi / 2, 0.0)


@dataclass(frozen=True)
class Link:
    """A rigid body: mass in kg, shape in the frame of the URDF's link of that name."""

    name: str
    mass: float
    solids: tuple[Solid, ...]


@dataclass(frozen=True)
class Joint:
    """From the URDF: the child's frame in the parent's (``position`` m, ``rpy`` rad), ``axis`` ``(3,)`` in the child's.

    lower, upper: rad. effort: N m. velocity: rad/s. stiffness: N m/rad and damping: N m s/rad of its position servo.
    """

    name: str
    parent: str
    child: str
    position: tuple[float, float, float]
    rpy: tuple[float, float, float]
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    lower: float = 0.0
    upper: float = 0.0
    effort: float = 0.0
    velocity: float = 0.0
    stiffness: float = 0.0
    damping: float = 0.0
    fixed: bool = False

    @property
    def force(self) -> float:
        """N m: what the servo may apply. The damping stands for the drive's own and is taken from it, so it is added."""
        return self.effort + self.damping * self.velocity


LINKS = (
    Link("base_link", 4.0, (Solid("cylinder", (0.075, 0.09), (0.0, 0.0, 0.047), colour=GREY),)),
    Link(
        "shoulder_link",
        3.761,
        (
            Solid("cylinder", (0.06, 0.15), (0.0, 0.0, -0.005), colour=BLUE),
            Solid("cylinder", (0.06, 0.10), (0.0, 0.035, 0.0), ACROSS, GREY),
        ),
    ),
    Link(
        "upper_arm_link",
        8.058,
        (
            Solid("cylinder", (0.06, 0.13), (0.0, 0.0, 0.14), colour=BLUE),
            Solid("cylinder", (0.05, 0.425), (-0.2125, 0.0, 0.138), ALONG_X, GREY),
            Solid("cylinder", (0.055, 0.11), (-0.425, 0.0, 0.12), colour=BLUE),
        ),
    ),
    Link(
        "forearm_link",
        2.846,
        (
            Solid("cylinder", (0.05, 0.09), (0.0, 0.0, 0.02), colour=BLUE),
            Solid("cylinder", (0.04, 0.3922), (-0.1961, 0.0, 0.007), ALONG_X, GREY),
            Solid("cylinder", (0.042, 0.08), (-0.3922, 0.0, 0.02), colour=BLUE),
        ),
    ),
    Link(
        "wrist_1_link",
        1.37,
        (
            Solid("cylinder", (0.042, 0.09), (0.0, 0.0, -0.02), colour=GREY),
            Solid("cylinder", (0.04, 0.08), (0.0, -0.03, 0.0), ACROSS, BLUE),
        ),
    ),
    Link(
        "wrist_2_link",
        1.3,
        (
            Solid("cylinder", (0.042, 0.09), (0.0, 0.0, -0.02), colour=GREY),
            Solid("cylinder", (0.04, 0.08), (0.0, 0.03, 0.0), ACROSS, BLUE),
        ),
    ),
    Link("wrist_3_link", 0.365, (Solid("cylinder", (0.038, 0.045), (0.0, 0.0, -0.0225), colour=GREY),)),
)
ARM_GAINS, WRIST_GAINS = (8000.0, 500.0), (2400.0, 120.0)
"""(N m/rad, N m s/rad). Under its own weight the outstretched arm sags by less than half a degree."""
GAINS = {
    "shoulder_pan_joint": ARM_GAINS,
    "shoulder_lift_joint": ARM_GAINS,
    "elbow_joint": ARM_GAINS,
    "wrist_1_joint": WRIST_GAINS,
    "wrist_2_joint": WRIST_GAINS,
    "wrist_3_joint": WRIST_GAINS,
}


def read_joints(urdf: Path) -> tuple[Joint, ...]:
    """The URDF's moving joints, base to flange. Raises ConfigError for a joint that has no gains here."""
    joints = []
    for element in ElementTree.parse(urdf).getroot().findall("joint"):
        if element.get("type") == "fixed":
            continue
        name = str(element.get("name"))
        if name not in GAINS:
            raise ConfigError(f"{urdf}: no servo is known for joint '{name}'; there are: {', '.join(GAINS)}")
        origin, limit = _child(element, "origin"), _child(element, "limit")
        lower, upper, effort, velocity = (
            float(limit.get(key, "nan")) for key in ("lower", "upper", "effort", "velocity")
        )
        stiffness, damping = GAINS[name]
        joints.append(
            Joint(
                name,
                parent=str(_child(element, "parent").get("link")),
                child=str(_child(element, "child").get("link")),
                position=_three(origin.get("xyz")),
                rpy=_three(origin.get("rpy")),
                axis=_three(_child(element, "axis").get("xyz")),
                lower=lower,
                upper=upper,
                effort=effort,
                velocity=velocity,
                stiffness=stiffness,
                damping=damping,
            )
        )
    return tuple(joints)


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = element.find(tag)
    if found is None:
        raise ConfigError(f"joint '{element.get('name')}' of the URDF has no <{tag}>")
    return found


def _three(text: str | None) -> tuple[float, float, float]:
    x, y, z = (float(word) for word in (text or "0 0 0").split())
    return x, y, z
