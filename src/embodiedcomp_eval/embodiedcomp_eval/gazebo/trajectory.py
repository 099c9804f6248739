"""A chunk of joint positions as Gazebo's joint trajectory controller can follow it.

That controller does not interpolate: it holds each point until its time, so points are laid densely. It starts a
trajectory when it arrives, and it knows every finger joint but no mimic joint, so the gripper's are written out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.gazebo import gripper
from embodiedcomp_policy.trajectory import resample

Vector = npt.NDArray[np.float64]

SPACING_NS = 20_000_000
"""ns between points."""


def dense(
    stamp_ns: int, times_ns: npt.NDArray[np.int64], positions: Vector, now_ns: int, spacing_ns: int = SPACING_NS
) -> tuple[npt.NDArray[np.int64], Vector]:
    """What is left of a chunk at ``now_ns``: times after now ``(K,)`` ns and positions ``(K, J)``, ``spacing_ns`` apart.

    times_ns ``(T,)`` count from ``stamp_ns``; positions ``(T, J)`` rad. The last point is always the chunk's last.
    """
    due = stamp_ns + times_ns
    left = max(int(due[-1]) - now_ns, spacing_ns)
    count = -(-left // spacing_ns)
    after = np.minimum(np.arange(1, count + 1, dtype=np.int64) * spacing_ns, left)
    return after, resample(due, positions, now_ns + after)


def with_fingers(names: tuple[str, ...], positions: Vector) -> tuple[tuple[str, ...], Vector]:
    """Joint names and positions ``(K, J)`` with the gripper's other joints, which follow the driven one."""
    if gripper.DRIVEN not in names:
        return names, positions
    driven = positions[:, names.index(gripper.DRIVEN)]
    others = {name: ratio for name, ratio in gripper.RATIOS.items() if name not in names}
    return (*names, *others), np.column_stack([positions, *(ratio * driven for ratio in others.values())])


def gazebo_message(names: tuple[str, ...], times_ns: npt.NDArray[np.int64], positions: Vector) -> Mapping[str, object]:
    """The fields of a Gazebo JointTrajectory, for ``text_format.render``; angles to 1e-5 rad."""
    points = [
        {
            "positions": [round(float(value), 5) for value in row],
            "time_from_start": {"sec": int(time) // 1_000_000_000, "nsec": int(time) % 1_000_000_000},
        }
        for time, row in zip(times_ns, positions, strict=True)
    ]
    return {"joint_names": list(names), "points": points}


def homeward(start: Vector, goal: Vector, speed: float, period_ns: int) -> tuple[npt.NDArray[np.int64], Vector]:
    """Smoothly from ``start`` ``(J,)`` to ``goal`` rad, no joint faster than ``speed`` rad/s: times ``(K,)`` ns, ``(K, J)``.

    s(u) = 3 u^2 - 2 u^3, whose greatest slope is 1.5.
    """
    seconds = max(1.5 * float(np.max(np.abs(goal - start))) / speed, period_ns / 1e9)
    count = int(np.ceil(seconds * 1e9 / period_ns))
    share = np.arange(1, count + 1) / count
    smooth = share**2 * (3.0 - 2.0 * share)
    return np.arange(1, count + 1, dtype=np.int64) * period_ns, start + smooth[:, None] * (goal - start)
