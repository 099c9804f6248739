from __future__ import annotations

import numpy as np

from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.slew import Slew

ROBOT = load_robot("ur5e")
REST = np.zeros(7)
MS = 1_000_000


def test_a_reachable_target_passes_unchanged() -> None:
    slew = Slew(ROBOT)
    target = np.full(7, 0.05)
    assert np.array_equal(slew.limit(target, 0, REST), target)
    assert np.array_equal(slew.limit(target + 0.05, 20 * MS, REST), target + 0.05)


def test_a_jump_back_is_covered_at_the_joints_speed() -> None:
    slew = Slew(ROBOT)
    slew.limit(np.full(7, 0.2), 0, REST)
    first = slew.limit(REST, 20 * MS, REST)
    assert np.allclose(first[:6], 0.2 - 3.1416 * 0.02) and np.isclose(first[6], 0.2 - 4.0 * 0.02)
    now, command = 20 * MS, first
    while np.any(command):
        now += 20 * MS
        command = slew.limit(REST, now, REST)
    assert now == 80 * MS


def test_a_long_silence_allows_no_leap() -> None:
    slew = Slew(ROBOT)
    slew.limit(REST, 0, REST)
    assert np.allclose(slew.limit(np.full(7, 3.0), 10_000 * MS, REST)[:6], 0.31416)


def test_a_clock_that_goes_back_starts_from_the_measured_state() -> None:
    slew = Slew(ROBOT)
    slew.limit(REST, 1000 * MS, REST)
    moved = np.full(7, 0.4)
    assert np.array_equal(slew.limit(moved, 0, moved), moved)
