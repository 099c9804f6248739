"""The error of one chunk against another."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.action_error import action_error
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")
TIMES = 100_000_000 * np.arange(1, 5, dtype=np.int64)


def test_arm_and_gripper_are_told_apart() -> None:
    other = np.zeros((4, 7))
    other[:, 0], other[1, 2], other[:, 6] = 0.1, -0.3, 0.5
    error = action_error(Chunk(0, TIMES, np.zeros((4, 7))), Chunk(0, TIMES, other), ROBOT)
    assert error.arm_rms == pytest.approx(np.sqrt((4 * 0.01 + 0.09) / 24))
    assert error.arm_max == pytest.approx(0.3) and error.gripper == pytest.approx(0.5)


def test_chunks_are_compared_at_the_originals_instants() -> None:
    line = np.repeat(TIMES[:, None] * 1e-9, 7, axis=1)
    finer = 50_000_000 * np.arange(1, 9, dtype=np.int64)
    same = Chunk(0, finer, np.repeat(finer[:, None] * 1e-9, 7, axis=1))
    assert action_error(Chunk(0, TIMES, line), same, ROBOT).arm_max == pytest.approx(0.0, abs=1e-12)
    shorter = Chunk(0, TIMES[:2], line[:2])
    assert action_error(Chunk(0, TIMES, line), shorter, ROBOT).arm_max == 0.0
