"""What ``gazebo-check`` asks of a running work cell, and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.expert import plan
from embodiedcomp_eval.expert_policy import rotation_of
from embodiedcomp_eval.gazebo.bridge import CAMERAS
from embodiedcomp_eval.gazebo.cell import HOME_TARGET, SPACING_NS, Cell
from embodiedcomp_eval.gazebo.messages import Picture
from embodiedcomp_eval.gazebo.objects import THINGS
from embodiedcomp_eval.gazebo.projection import base_camera_pose, hue_distance, pixel, wrist_camera_pose
from embodiedcomp_eval.gazebo.world import FLOOR, TABLE_COLOURS
from embodiedcomp_eval.layout import BASE_FOV, WRIST_FOV
from embodiedcomp_eval.scene import Scene
from embodiedcomp_policy.kinematics import Arm
from embodiedcomp_policy.vertical import joints_of, tool_of

Vector = npt.NDArray[np.float64]

POSES = {
    "home": HOME_TARGET,
    "outstretched over the table": np.array([0.0, -0.6, 0.9, -1.87, -1.5708, 0.0, 0.0]),
    "out to the side": np.array([1.2, -0.9, 1.3, -1.97, -1.5708, 0.0, 0.4]),
}
"""rad; gripper last."""
HOLD_LIMIT = 1.0  # degrees
RESET_LIMIT = 0.001  # m
LIFT = 0.12  # m, the benchmark's
HUE_LIMIT = 12.0  # degrees between the colour seen and the colour meant
FRAMES = 6
PERIODS = 150
"""Of 0.1 s: more than the scripted grasp needs."""


@dataclass
class Findings:
    """One check: passed, a line for people, numbers for the record."""

    name: str
    passed: bool
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)


def check_topics(cell: Cell) -> Findings:
    """Everything that the bridge file names is published under its type."""
    wrong = cell.missing_topics()
    return Findings("topics of gz_bridge.yaml", not wrong, "; ".join(wrong) or "all published, types match")


def check_hold(cell: Cell, seconds: float = 4.0) -> Findings:
    """The arm stands where it is told to, against gravity: the worst joint of a few samples over ``seconds``."""
    worst: dict[str, float] = {}
    for name, target in POSES.items():
        samples = [cell.go(target, rest=2.0)]
        for _ in range(3):
            cell.wait_until(cell.joints()[0] + round(seconds / 3 * 1e9))
            samples.append(cell.joints()[1])
        worst[name] = float(np.degrees(np.abs(np.array(samples)[:, :-1] - target[:-1]).max()))
    text = ", ".join(f"{name} {value:.2f}°" for name, value in worst.items())
    return Findings("holds a pose under gravity", max(worst.values()) < HOLD_LIMIT, f"worst joint: {text}", worst)


def check_camera(cell: Cell, camera: str, scene: Scene, arm: Arm, size: int, rate: float) -> tuple[Findings, Picture]:
    """Size, rate in simulated time, name of the frame, and that table and object are where they must be seen."""
    joints = cell.joints()[1]
    shots = cell.pictures(camera, FRAMES)
    gaps = np.diff([shot.stamp_ns for shot in shots]) / 1e9
    place = cell.object_pose()[0]
    last = shots[-1]
    seen = {
        "object": seen_colour(camera, place, last.pixels, arm, joints),
        "table": seen_colour(camera, place + [0.0, 0.09, 0.0], last.pixels, arm, joints, on_table=True),
    }
    meant = {"object": THINGS[scene.object].solids[0].colour, "table": TABLE_COLOURS[scene.table]}
    off = {name: None if colour is None else hue_distance(colour, meant[name]) for name, colour in seen.items()}
    problems = [f"{name} is not in the picture" for name, angle in off.items() if angle is None]
    problems += [f"{name} looks {angle:.0f}° off" for name, angle in off.items() if angle and angle > HUE_LIMIT]
    if last.pixels.shape[:2] != (size, size):
        problems.append(f"size {last.pixels.shape[:2]}")
    if not np.allclose(gaps, 1.0 / rate, atol=0.0015):
        problems.append(f"periods {np.round(gaps, 4).tolist()} s")
    if last.frame != camera:
        problems.append(f"frame {last.frame!r}")
    text = f"{size}x{size}, {1 / gaps.mean():.2f} Hz of simulated time, object and table seen where they are"
    numbers = {"hertz": float(1 / gaps.mean()), "off_degrees": off, "frame": last.frame}
    return Findings(camera, not problems, "; ".join(problems) or text, numbers), last


def seen_colour(
    camera: str, point: Vector, pixels: npt.NDArray[np.uint8], arm: Arm, joints: Vector, on_table: bool = False
) -> Vector | None:
    """Median colour ``(3,)`` around where ``point`` must appear; None if that is outside. on_table: of the table below."""
    if camera == "base_camera":
        eye, axes, fov = *base_camera_pose(), BASE_FOV
    else:
        tool, rotation = arm.forward(joints[:-1])
        flange = tool - rotation @ [0.0, 0.0, 0.145]  # the tool lies between the fingertips
        eye, axes, fov = *wrist_camera_pose(flange, rotation), WRIST_FOV
    target = np.array([point[0], point[1], FLOOR + 0.8]) if on_table else point
    at = pixel(target, eye, axes, fov, pixels.shape[0])
    if at is None:
        return None
    row, column = at
    patch = pixels[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].reshape(-1, 3)
    result: Vector = np.median(patch, axis=0)
    return result


def grasp(cell: Cell, scene: Scene, arm: Arm) -> float:
    """The scripted expert's whole motion from one look at the object; returns how far the object rose, m."""
    joints = cell.joints()[1]
    place, turn = cell.object_pose()
    poses = plan(scene.object, place, rotation_of(turn), tool_of(arm, joints[:-1]), float(joints[-1]), PERIODS)
    last = int(np.flatnonzero(np.abs(np.diff(poses, axis=0)).max(axis=1) > 0)[-1]) + 2
    targets = joints_of(arm, joints[:-1], poses[:last])
    cell.follow(np.arange(1, last + 1, dtype=np.int64) * 100_000_000, targets, rest=1.5)
    return float(cell.object_pose()[0][2] - place[2])


def check_grasps(cell: Cell, scenes: list[Scene], arm: Arm, tell: Callable[[int], None]) -> tuple[Findings, Findings]:
    """Per scene: reset, grasp and lift by contact alone, reset again. The second reset must find everything as the first."""
    rises: list[float] = []
    moved: list[float] = []
    for number, scene in enumerate(scenes, 1):
        joints, place = cell.reset(scene)
        rises.append(grasp(cell, scene, arm))
        joints_again, place_again = cell.reset(scene)
        tool, tool_again = (arm.forward(at[:-1])[0] for at in (joints, joints_again))
        moved.append(max(float(np.linalg.norm(tool - tool_again)), float(np.linalg.norm(place - place_again))))
        tell(number)
    lifted = sum(rise >= LIFT for rise in rises)
    lifts = Findings(
        "scripted grasp lifts the object by contact",
        lifted == len(scenes),
        f"{lifted} of {len(scenes)} by {LIFT} m or more (rise {min(rises):.3f} to {max(rises):.3f} m)",
        {"rises": rises, "seeds": [scene.seed for scene in scenes], "objects": [scene.object for scene in scenes]},
    )
    back = Findings(
        "reset puts everything back",
        max(moved) < RESET_LIMIT,
        f"tool and object within {max(moved) * 1e3:.2f} mm",
        {"metres": moved},
    )
    return lifts, back


__all__ = ["CAMERAS", "SPACING_NS", "Findings", "check_camera", "check_grasps", "check_hold", "check_topics", "grasp"]
