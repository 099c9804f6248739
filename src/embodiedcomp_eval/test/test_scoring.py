"""Success by height risen, and the economy of a motion."""

from __future__ import annotations

import math

import numpy as np
import pytest

from embodiedcomp_eval.scoring import is_lifted, motion


def test_lifted_counts_from_where_the_object_lay() -> None:
    assert is_lifted(0.25, 0.13, 0.12) and not is_lifted(0.25, 0.135, 0.12) and not is_lifted(0.12, 0.13, 0.12)


def test_a_straight_line_is_wholly_efficient() -> None:
    positions = np.linspace([0.0, 0.0, 0.0], [0.3, 0.4, 0.9], 11)  # the last column is the gripper's
    judged = motion(positions, 0.1)
    assert judged.path_length == pytest.approx(0.5)
    assert judged.efficiency == pytest.approx(1.0)
    assert judged.jerk == pytest.approx(0.0, abs=1e-9)


def test_a_detour_is_not() -> None:
    positions = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.5, 0.0]])
    assert motion(positions, 0.1).efficiency == pytest.approx(0.5 / 2.5)


def test_jerk_is_the_third_derivative() -> None:
    t = np.arange(20) * 0.1
    positions = np.stack([t**3, np.zeros_like(t)], axis=1)
    assert motion(positions, 0.1).jerk == pytest.approx(6.0)


def test_standing_still_has_no_efficiency() -> None:
    judged = motion(np.zeros((5, 3)), 0.1)
    assert judged.path_length == 0.0 and math.isnan(judged.efficiency)
