"""The model behind the SDF world, in motion: it holds, follows and lifts. By MuJoCo, so it says nothing of Gazebo's contact."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from gazebo_in_mujoco import Cell

from embodiedcomp_eval.expert import plan
from embodiedcomp_eval.expert_policy import rotation_of
from embodiedcomp_eval.gazebo.cell import HOME_TARGET
from embodiedcomp_eval.gazebo.checking import LIFT, PERIODS, POSES
from embodiedcomp_eval.scene import scene_of_seed
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.vertical import joints_of, tool_of

SEED = 10_000


@pytest.mark.parametrize("name", POSES)
def test_a_pose_is_reached_and_held_within_half_a_degree(name: str) -> None:
    cell = Cell(scene_of_seed(SEED))
    cell.start(HOME_TARGET)
    cell.run(POSES[name], 4.0)
    assert np.degrees(np.abs(cell.joints - POSES[name])[:6].max()) < 0.5
    assert np.abs(cell.fingers - POSES[name][6]).max() < 0.02
    before = cell.joints
    cell.run(POSES[name], 0.5)
    assert np.abs(cell.joints - before).max() < 1e-4, "it stands still"


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("kind", ["cube", "can"])
def test_the_scripted_grasp_lifts_it(kind: str, number: int) -> None:
    assert rise(kind, SEED + number) >= LIFT


def rise(kind: str, seed: int) -> float:
    """m, by which the scripted grasp of ``gazebo-check`` lifts the object."""
    cell, arm = Cell(dataclasses.replace(scene_of_seed(seed), object=kind)), make_arm(load_robot("ur5e"))
    cell.start(HOME_TARGET)
    cell.run(HOME_TARGET, 1.0)
    place, turn = cell.object_pose
    joints = cell.joints
    poses = plan(kind, place, rotation_of(turn), tool_of(arm, joints[:-1]), float(joints[-1]), PERIODS)
    last = joints
    for target in joints_of(arm, joints[:-1], poses):
        for share in (0.2, 0.4, 0.6, 0.8, 1.0):
            cell.run(last + share * (target - last), 0.02)
        last = target
    return float(cell.object_pose[0][2] - place[2])
