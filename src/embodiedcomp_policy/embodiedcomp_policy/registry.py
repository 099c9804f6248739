"""Policies, and the library that reads an arm's kinematics, by entry point. Only the one asked for is imported."""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from embodiedcomp_policy.kinematics import Arm
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.robot import Robot, mismatch

GROUP = "embodiedcomp.policies"
ARMS = "embodiedcomp.arms"


def _points(group: str = GROUP) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def policy_names() -> list[str]:
    """Names of the installed policies, sorted."""
    return sorted(_points())


def make_policy(
    name: str,
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> Policy:
    """The policy of that name. Raises PolicyError, naming the choices or what the policy lacks.

    checkpoint: path of its weights, where it has any. server: URL of the process that runs it, where it has one.
    robot_description: URDF (XML) for its kinematics in place of the robot file's own. robot: the one that it is to drive; a
    policy that says it drives another is refused.
    """
    points = _points()
    if name not in points:
        raise PolicyError(f"unknown policy '{name}'; there are: {', '.join(sorted(points)) or 'none'}")
    try:
        factory = points[name].load()
    except ModuleNotFoundError as error:
        raise PolicyError(f"policy '{name}' needs the Python package '{error.name}', which is not installed") from error
    known = inspect.signature(factory).parameters
    if robot_description and "robot_description" not in known:
        raise PolicyError(f"policy '{name}' takes no robot_description: it uses no kinematics")
    more: dict[str, Any] = {"robot_description": robot_description} if robot_description else {}
    if robot is not None and "robot" in known:
        more["robot"] = robot
    policy: Policy = factory(checkpoint=checkpoint, server=server, **more)
    own = getattr(policy, "robot", None)
    if robot is not None and isinstance(own, Robot) and (reason := mismatch(own, robot)):
        raise PolicyError(f"policy '{name}' drives another robot than '{robot.name}': {reason}")
    return policy


def make_arm(robot: Robot, robot_description: str | None = None) -> Arm:
    """The arm of ``robot`` from its URDF, or from ``robot_description`` (the XML that ROS carries).

    Raises PolicyError where no library for it is installed, ConfigError for a URDF or robot file that doesn't fit.
    """
    points = _points(ARMS)
    if not points:
        raise PolicyError("no library for kinematics is installed: the Python package 'pin' brings one")
    try:
        load = points[min(points)].load()
    except ModuleNotFoundError as error:
        raise PolicyError(f"kinematics need the Python package 'pin': no module '{error.name}'") from error
    arm: Arm = load(robot, robot_description=robot_description)
    return arm
