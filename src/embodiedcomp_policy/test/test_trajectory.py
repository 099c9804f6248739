from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_policy.trajectory import from_here, position_at, resample

TIMES = np.array([100, 200, 400], dtype=np.int64)
POINTS = np.array([[0.0, 1.0], [1.0, 1.0], [3.0, -1.0]])


def test_exact_at_points_linear_between_held_at_both_ends() -> None:
    assert [position_at(TIMES, POINTS, now).tolist() for now in (0, 100, 200, 400, 900)] == [
        [0.0, 1.0],
        [0.0, 1.0],
        [1.0, 1.0],
        [3.0, -1.0],
        [3.0, -1.0],
    ]
    assert resample(TIMES, POINTS, np.array([150, 300])).tolist() == [[0.5, 1.0], [2.0, 0.0]]


def test_a_trajectory_starts_where_the_arm_is_within_its_limits() -> None:
    low, high = np.array([-5.0, -0.5]), np.array([5.0, 0.5])
    times, points = from_here(TIMES, POINTS, 150, [9.0, 0.25], low, high)
    assert times.tolist() == [150, 200, 400] and points.tolist() == [[5.0, 0.25], *POINTS[1:].tolist()]
    times, points = from_here(TIMES, POINTS, 100, [0.0, -0.6], low, high)
    assert times.tolist() == [100, 200, 400] and points[0].tolist() == [0.0, -0.5]  # a point due now is past
    times, points = from_here(TIMES, POINTS, 400, [1.0, 0.0], low, high)
    assert times.tolist() == [400] and points.tolist() == [[1.0, 0.0]]


def test_the_result_is_no_view() -> None:
    position_at(TIMES, POINTS, 900)[:] = 7
    assert POINTS[-1].tolist() == [3.0, -1.0]


@given(
    st.integers(1, 2**62),
    st.integers(1, 2**61),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.floats(0, 1),
)
def test_never_leaves_the_range_of_its_neighbours(start: int, gap: int, a: float, b: float, where: float) -> None:
    times = np.array([start, start + gap], dtype=np.int64)
    value = position_at(times, np.array([[a], [b]]), start + int(gap * where))[0]
    assert min(a, b) <= value <= max(a, b)
