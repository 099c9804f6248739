"""The expert's plan, on poses alone (no simulator): it goes to the grasp, closes there, rises, and starts over."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval import expert
from embodiedcomp_eval.expert import GRASPS, finger_angle, goal_of, plan
from embodiedcomp_eval.scene import OBJECTS

UPRIGHT = np.eye(3)
HOME = np.array([0.40, 0.0, 0.20, 0.0])


def drive(kind: str, position: np.ndarray, rotation: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    """Follow plans kinematically, ten poses at a time, fingers stopping at the object."""
    tool, finger = HOME.copy(), 0.04
    touch = finger_angle(goal_of(kind, position, rotation, tool).half_width)
    for _ in range(steps // 10):
        poses = plan(kind, position, rotation, tool, finger, 12)
        tool, finger = poses[9, :4].copy(), min(float(poses[9, 4]), touch + 0.01)
        if finger > touch - 0.06 and poses[9, 2] > poses[0, 2] and poses[9, 4] > 0.7:
            position = position + np.array([0.0, 0.0, poses[9, 2] - poses[0, 2]])
    return position, finger


def test_every_object_of_the_task_has_a_grasp() -> None:
    assert set(GRASPS) == set(OBJECTS)


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("yaw", [-2.0, 0.3, 1.4])
def test_it_lifts_every_object_kinematically(kind: str, yaw: float) -> None:
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    lying = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    rotation = turn @ (lying if kind in ("hammer", "capsule") else UPRIGHT)
    start = np.array([0.55, 0.1, -0.09])
    end, _ = drive(kind, start, rotation, 90)
    assert end[2] - start[2] > 0.12


def test_equal_grasps_are_taken_by_the_shorter_turn() -> None:
    yaw = np.deg2rad(80)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    assert goal_of("cube", np.array([0.5, 0.0, -0.09]), turn, HOME).yaw == pytest.approx(np.deg2rad(-10))


def test_steps_stay_within_the_speeds() -> None:
    poses = plan("cube", np.array([0.6, 0.15, -0.09]), UPRIGHT, HOME, 0.04, 12)
    moves = np.diff(np.vstack([HOME, poses[:, :4]]), axis=0)
    assert np.hypot(moves[:, 0], moves[:, 1]).max() <= expert.SPEED + 1e-9
    assert moves[:, 2].min() >= -expert.SINK - 1e-9 and moves[:, 2].max() <= expert.RISE + 1e-9


def test_a_missed_grasp_opens_again() -> None:
    poses = plan("cube", np.array([0.6, 0.15, -0.09]), UPRIGHT, np.array([0.5, 0.0, -0.089, 0.0]), 0.8, 12)
    assert (poses[:, 4] == 0.0).all() and poses[3, 2] > -0.089


def test_an_object_lying_askew_still_has_a_plan() -> None:
    tilt = np.deg2rad(45)
    lying = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(tilt), -np.sin(tilt)], [0.0, np.sin(tilt), np.cos(tilt)]])
    for kind in OBJECTS:
        assert np.isfinite(plan(kind, np.array([0.5, 0.0, -0.09]), lying, HOME, 0.04, 12)).all()
