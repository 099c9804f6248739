"""Relative plans and absolute poses are each other's inverse, and the gripper ramps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_policy.relative_plan import CLOSE_RATE, CLOSED, features, from_poses, to_poses

coordinates = st.floats(-0.8, 0.8)


@settings(deadline=None)
@given(st.lists(coordinates, min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_round_trip(tool: list[float], seed: int) -> None:
    here = np.array(tool)
    poses = np.random.default_rng(seed).uniform(-1, 1, (12, 5))
    back = to_poses(from_poses(poses[None], here[None])[0].astype(float), here, 0.1)
    np.testing.assert_allclose(back[:, :4], poses[:, :4], atol=1e-6)


def test_the_gripper_closes_at_its_rate_and_opens_at_once() -> None:
    relative = np.zeros((5, 5))
    relative[:, 4] = [-3.0, 2.0, 2.0, -1.0, 2.0]
    gripper = to_poses(relative, np.zeros(4), 0.7)[:, 4]
    np.testing.assert_allclose(gripper, [0.0, CLOSE_RATE, 2 * CLOSE_RATE, 0.0, CLOSE_RATE])
    assert to_poses(np.full((9, 5), 1.0), np.zeros(4), 0.0)[-1, 4] == CLOSED


def test_the_yaw_is_seen_as_a_direction() -> None:
    turned = features(np.zeros((1, 7)), np.array([[0.1, 0.2, 0.3, np.pi / 2]]))
    np.testing.assert_allclose(turned[0, 7:], [1.0, 2.0, 3.0, 1.0, 0.0], atol=1e-6)
