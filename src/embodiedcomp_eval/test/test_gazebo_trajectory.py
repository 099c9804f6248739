"""Chunks as Gazebo's joint trajectory controller gets them."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.gazebo import gripper
from embodiedcomp_eval.gazebo.trajectory import SPACING_NS, dense, gazebo_message, homeward, with_fingers

TIMES = np.array([100, 200, 300], dtype=np.int64) * 1_000_000
POSITIONS = np.array([[0.0, 1.0], [0.1, 1.0], [0.3, 0.8]])


def test_points_lie_close_and_on_the_lines() -> None:
    after, rows = dense(5_000_000_000, TIMES, POSITIONS, 5_100_000_000)
    assert np.diff(after).tolist() == [SPACING_NS] * (len(after) - 1)
    assert after[-1] == 200_000_000 and rows[-1].tolist() == [0.3, 0.8]
    assert rows[2] == pytest.approx([0.06, 1.0])  # 60 ms of the 100 from 0 to 0.1
    assert rows[7] == pytest.approx([0.22, 0.88])


def test_what_is_past_is_not_sent() -> None:
    after, rows = dense(0, TIMES, POSITIONS, 250_000_000)
    assert after.tolist() == [20_000_000, 40_000_000, 50_000_000]
    assert rows[0] == pytest.approx([0.24, 0.86])


@pytest.mark.parametrize("now_ns", [300_000_000, 999_000_000])
def test_after_its_end_only_the_last_point_is_left(now_ns: int) -> None:
    after, rows = dense(0, TIMES, POSITIONS, now_ns)
    assert after.tolist() == [SPACING_NS] and rows.tolist() == [[0.3, 0.8]]


def test_every_finger_joint_follows_the_driven_one() -> None:
    names, rows = with_fingers(("a", gripper.DRIVEN), np.array([[0.5, 0.2], [0.6, 0.8]]))
    assert names[:2] == ("a", gripper.DRIVEN) and set(names[1:]) == set(gripper.RATIOS)
    for name, ratio in gripper.RATIOS.items():
        assert rows[:, names.index(name)] == pytest.approx(ratio * np.array([0.2, 0.8]))
    assert with_fingers(("a",), rows[:, :1])[0] == ("a",)


def test_the_way_home_is_smooth_and_no_faster_than_asked() -> None:
    start, goal = np.array([0.0, 2.0]), np.array([1.0, 1.5])
    times, rows = homeward(start, goal, 0.5, 50_000_000)
    speed = np.abs(np.diff(np.vstack([start, rows]), axis=0)).max() / 0.05
    assert 0.4 < speed <= 0.5 + 1e-9
    assert rows[-1] == pytest.approx(goal) and times[-1] >= 3_000_000_000
    assert homeward(goal, goal, 0.5, 50_000_000)[0].tolist() == [50_000_000]


def test_the_message_has_gazebos_fields() -> None:
    message = gazebo_message(("a",), np.array([1_500_000_000]), np.array([[0.25]]))
    assert message == {
        "joint_names": ["a"],
        "points": [{"positions": [0.25], "time_from_start": {"sec": 1, "nsec": 500_000_000}}],
    }
