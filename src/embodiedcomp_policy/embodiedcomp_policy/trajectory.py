"""Where a piecewise linear joint trajectory is at a given instant: the one rule that every part of the suite shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def position_at(times_ns: npt.NDArray[np.int64], positions: Vector, now_ns: int) -> Vector:
    """Positions ``(J,)`` at ``now_ns`` on the line through ``positions`` ``(T, J)``, due at ``times_ns`` ``(T,)`` int64.

    Times increase strictly. Before the first the first holds, after the last the last. At a point's own time the
    result is that point exactly, and between two it never leaves their range: limits that the points obey hold on the
    way.
    """
    index = int(np.searchsorted(times_ns, now_ns, side="left"))
    if index == len(times_ns):
        return np.array(positions[-1])
    if index == 0 or int(times_ns[index]) == now_ns:
        return np.array(positions[index])
    before, after = positions[index - 1], positions[index]
    start, end = int(times_ns[index - 1]), int(times_ns[index])
    weight = (now_ns - start) / (end - start)
    result: Vector = np.clip(before + weight * (after - before), np.minimum(before, after), np.maximum(before, after))
    return result


def from_here(
    times_ns: npt.NDArray[np.int64],
    positions: Vector,
    now_ns: int,
    measured: npt.ArrayLike,
    lower: Vector,
    upper: Vector,
) -> tuple[npt.NDArray[np.int64], Vector]:
    """What a trajectory ``(T,)``, ``(T, J)`` means to an arm that is at ``measured`` ``(J,)`` at ``now_ns``.

    It starts there: on the way to its first point that is still to come, the arm goes straight, as
    joint_trajectory_controller does. A measured position outside ``lower``, ``upper`` counts as on the limit. Guard and
    simulator both follow this, so that a chunk means the same motion whatever its instants are.
    """
    start: Vector = np.clip(np.asarray(measured, dtype=np.float64), lower, upper)
    later = times_ns > now_ns
    return np.concatenate([np.array([now_ns], dtype=np.int64), times_ns[later]]), np.vstack([start, positions[later]])


def resample(times_ns: npt.NDArray[np.int64], positions: Vector, at_ns: npt.NDArray[np.int64]) -> Vector:
    """``position_at`` for every instant of ``at_ns`` ``(K,)``: ``(K, J)``."""
    return np.stack([position_at(times_ns, positions, int(now)) for now in at_ns])
