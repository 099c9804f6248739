"""Where a point appears in a camera's picture, against MuJoCo's rendering of the same cell."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.gazebo.projection import base_camera_pose, hue_distance, pixel, wrist_camera_pose
from embodiedcomp_eval.layout import BASE_FOV, HOME, WRIST_FOV
from embodiedcomp_eval.scene import Scene
from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot


def test_the_red_cube_is_where_projection_puts_it() -> None:
    simulator = RobosuiteSimulator(256, 5)
    simulator.reset_scene(Scene(0, "cube", "ceramic", "cream-plaster", 0.5, 0.1, 0.3))
    images, place = simulator.render(), simulator.object_pose().position
    tool, rotation = make_arm(load_robot("ur5e")).forward(np.array(HOME))
    poses = {
        "base_camera": (*base_camera_pose(), BASE_FOV),
        "wrist_camera": (*wrist_camera_pose(tool - rotation @ [0.0, 0.0, 0.145], rotation), WRIST_FOV),
    }
    for camera, (eye, axes, fov) in poses.items():
        at = pixel(place, eye, axes, fov, 256)
        assert at is not None, camera
        colour = images[camera][at].astype(float)
        assert colour[0] > 1.8 * colour[1:].max(), f"{camera} at {at}: {colour}"
    simulator.close()


def test_what_is_behind_or_beside_is_not_in_the_picture() -> None:
    eye, axes = base_camera_pose()
    assert pixel(eye - axes[:, 0], eye, axes, BASE_FOV, 256) is None
    assert pixel(eye + axes[:, 0] + 2 * axes[:, 1], eye, axes, BASE_FOV, 256) is None
    assert pixel(eye + axes[:, 0], eye, axes, BASE_FOV, 256) == (128, 128)


def test_hue_does_not_depend_on_light() -> None:
    assert hue_distance([200, 20, 20], [0.8, 0.08, 0.08]) == pytest.approx(0.0, abs=1e-3)
    assert hue_distance([10, 100, 10], [0.8, 0.1, 0.1]) > 60
    assert hue_distance([0, 0, 0], [1, 1, 1]) == 180.0
