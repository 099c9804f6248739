from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodiedcomp_policy.config import ConfigError, config_folders
from embodiedcomp_policy.robot import load_robot, mismatch, robot_from_mapping

GOOD: dict[str, Any] = {
    "name": "two",
    "joints": [
        {"name": "a", "lower": -1.0, "upper": 1.0, "velocity": 2.0},
        {"name": "grip", "lower": 0.0, "upper": 0.8, "velocity": 4.0, "gripper": True},
    ],
    "max_step": 0.3,
    "max_observation_age": 0.2,
    "max_chunk_age": 1.2,
}


def build(**changes: Any) -> Any:
    return robot_from_mapping({**copy.deepcopy(GOOD), **changes}, "two.yaml", Path())


def test_ur5e_in_the_order_of_its_file() -> None:
    robot = load_robot("ur5e")
    assert robot.names[0] == "shoulder_pan_joint" and robot.gripper == 6
    assert robot.arm == [0, 1, 2, 3, 4, 5] and len(robot.arm_names) == 6
    assert robot.step[:6].tolist() == [0.35] * 6 and robot.step[6] == 0.8  # the gripper's whole range
    assert robot.max_observation_age_ns == 200_000_000 and robot.max_chunk_age_ns == 1_200_000_000
    assert robot.tool is not None and robot.tool.urdf.is_file()


def test_grippers_open_at_either_end() -> None:
    ur5e, panda = load_robot("ur5e"), load_robot("panda")
    assert (ur5e.gripper_open, ur5e.gripper_closed) == (0.0, 0.8)
    assert (panda.gripper_open, panda.gripper_closed) == (0.04, 0.0)
    assert (ur5e.gripper_width, panda.gripper_width) == (0.085, 0.08)
    assert len(panda.arm) == 7 and panda.gripper == 7


def test_every_shipped_robot_loads_by_name_and_by_path() -> None:
    files = sorted(config_folders("robots")[-1].glob("*.yaml"))
    assert files
    for path in files:
        assert load_robot(str(path)).name == load_robot(path.stem).name == path.stem


def test_joint_states_are_put_in_order_and_incomplete_ones_are_none() -> None:
    robot = build()
    assert np.array_equal(robot.reorder(["x", "grip", "a"], [9.0, 0.1, 0.2]), [0.2, 0.1])
    assert robot.reorder(["a"], [0.2]) is None
    assert robot.reorder(["a", "grip"], [0.2]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speed": 1}, "unknown key 'speed'; valid keys: name, joints, max_step"),
        ({"max_step": 0}, "max_step must be a positive number, not 0"),
        ({"max_step": "fast"}, "max_step must be a positive number, not 'fast'"),
        ({"max_chunk_age": float("nan")}, "max_chunk_age must be a positive number"),
        ({"max_chunk_age": 0.1}, "max_observation_age 0.2 must not exceed max_chunk_age 0.1"),
        ({"joints": []}, "at least one joint"),
        ({"joints": [{"name": "a", "lower": 1, "upper": 0, "velocity": 1}]}, "lower 1.0 must be below upper 0.0"),
        ({"joints": [{"name": "a", "lower": 0, "upper": 1, "velocity": 1, "v": 1}]}, "joint 0: unknown key 'v'"),
        ({"joints": [{"name": "a", "lower": 0, "upper": 1}]}, "joint 0: key 'velocity' is missing"),
        ({"joints": [GOOD["joints"][1], GOOD["joints"][0]]}, "the gripper must be one joint, the last"),
        ({"joints": [GOOD["joints"][0], GOOD["joints"][0]]}, "joint names must differ"),
        ({"joints": [{**GOOD["joints"][1], "gripper": "yes"}]}, "gripper must be true or false, not 'yes'"),
        ({"joints": [{**GOOD["joints"][1], "open": 0.4}]}, "open must be a gripper's lower 0.0 or upper 0.8, not 0.4"),
        ({"tool": {"urdf": "none.urdf", "frame": "tool0"}}, "no such file: none.urdf"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build(**changes)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_unknown_robots_and_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown robot 'r2d2'; there are: .*ur5e"):
        load_robot("r2d2")
    with pytest.raises(ConfigError, match=r"no such file: ./r2d2.yaml"):
        load_robot("./r2d2.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("joints: [\n")
    with pytest.raises(ConfigError, match=r"broken.yaml") as error:
        load_robot(str(broken))
    assert "\n" not in str(error.value)
    broken.write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigError, match=r"could not determine a constructor"):
        load_robot(str(broken))


def test_what_makes_two_robots_different() -> None:
    robot = build()
    assert mismatch(robot, build()) == "" and mismatch(robot, build(max_step=0.1, max_observation_age=0.1)) == ""
    assert mismatch(robot, build(name="three")) == "robot two is not three"
    joints = copy.deepcopy(GOOD["joints"])
    joints[0]["name"] = "b"
    assert mismatch(robot, build(joints=joints)) == "joints a, grip are not b, grip"
    joints[0] |= {"name": "a", "upper": 2.0}
    assert mismatch(robot, build(joints=joints)) == "upper limit of 'a' is 1 in one file, 2 in the other"
    joints[0]["upper"], joints[1]["open"] = 1.0, 0.8
    assert mismatch(robot, build(joints=joints)) == "the gripper opens the other way"
