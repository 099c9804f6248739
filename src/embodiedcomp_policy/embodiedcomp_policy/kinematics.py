"""From poses of a tool to joint positions, on any serial arm: damped least squares on the arm's Jacobian.

The arm itself (its forward kinematics) comes in as an object; ``policies/pinocchio_arm.py`` reads one from a URDF.

    dq = J^T (J J^T + lambda^2 I)^-1 e        lambda^2 = max_damping^2 (1 - (sigma / threshold)^2)  where sigma < threshold

``sigma`` is the Jacobian's smallest singular value: far from a singularity nothing is damped, at one the step stays
finite and the tool lags instead of the joints racing.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

SINGULAR = 0.05
"""Smallest singular value (m/rad or rad/rad) under which damping sets in."""
MAX_DAMPING = 0.1
MIN_DAMPING = 1e-4


class Arm(Protocol):
    """A serial arm of N joints and its tool frame. Poses are in the base frame."""

    lower: Vector
    """``(N,)`` rad."""
    upper: Vector
    """``(N,)`` rad."""

    def forward(self, q: npt.ArrayLike) -> tuple[Vector, Vector]:
        """Joint positions ``(N,)`` rad -> position ``(3,)`` m and rotation ``(3, 3)`` of the tool."""
        ...

    def jacobian(self, q: npt.ArrayLike) -> Vector:
        """Joint positions ``(N,)`` rad -> ``(6, N)``: tool velocity (m/s, then rad/s, base axes) per joint velocity."""
        ...


def rotation_exp(vector: npt.ArrayLike) -> Vector:
    """Rotation vector ``(3,)`` rad -> rotation matrix ``(3, 3)`` (Rodrigues)."""
    v = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(v))
    k = np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
    a = np.sinc(angle / np.pi)  # sin(angle) / angle, right at 0 as well
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    result: Vector = np.eye(3) + a * k + b * (k @ k)
    return result


def rotation_log(rotation: npt.ArrayLike) -> Vector:
    """Rotation matrix ``(3, 3)`` -> rotation vector ``(3,)`` rad, length at most pi."""
    r = np.asarray(rotation, dtype=np.float64)
    skew = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    sine, cosine = float(np.linalg.norm(skew)) / 2, (float(np.trace(r)) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    if sine > 1e-6:
        result: Vector = skew * (angle / (2 * sine))
        return result
    if cosine > 0:
        return skew / 2
    # Half a turn: the axis is the largest column of (R + I) / 2.
    axis = (r + np.eye(3))[:, int(np.argmax(np.diag(r)))]
    half: Vector = axis / np.linalg.norm(axis) * angle
    return half


def pose_error(arm: Arm, q: npt.ArrayLike, position: npt.ArrayLike, rotation: npt.ArrayLike) -> Vector:
    """``(6,)``: what is left to the target pose, m and rad, base axes."""
    here, turned = arm.forward(q)
    return np.concatenate([np.asarray(position) - here, rotation_log(np.asarray(rotation) @ turned.T)])


def damped_step(arm: Arm, q: npt.ArrayLike, error: Vector) -> Vector:
    """Joint change ``(N,)`` rad that reduces ``error`` ``(6,)``; its length stays finite at singularities."""
    jacobian = arm.jacobian(q)
    u, sigma, vt = np.linalg.svd(jacobian, full_matrices=False)
    closeness = max(0.0, 1.0 - (float(sigma[-1]) / SINGULAR) ** 2)
    damping = MIN_DAMPING**2 + MAX_DAMPING**2 * closeness
    step: Vector = vt.T @ (sigma / (sigma**2 + damping) * (u.T @ error))
    return step


def ik(
    arm: Arm,
    q0: npt.ArrayLike,
    target_position: npt.ArrayLike,
    target_rotation: npt.ArrayLike,
    *,
    iterations: int = 50,
    max_step: float = 0.2,
    tolerance: float = 1e-6,
) -> Vector:
    """Joint positions ``(N,)`` rad near ``q0``, within the arm's limits, whose tool pose is nearest to the target.

    Ends when the pose error's length (m and rad together) is below ``tolerance`` or after ``iterations``; no joint
    moves more than ``max_step`` rad an iteration. A target out of reach gives the best pose on the way.
    """
    q = np.clip(np.asarray(q0, dtype=np.float64), arm.lower, arm.upper)
    error = pose_error(arm, q, target_position, target_rotation)
    best, best_error = q, float(np.linalg.norm(error))
    for _ in range(iterations):
        if best_error < tolerance:
            break
        step = damped_step(arm, q, error)
        largest = float(np.max(np.abs(step)))
        q = np.clip(q + step * min(1.0, max_step / max(largest, 1e-12)), arm.lower, arm.upper)
        error = pose_error(arm, q, target_position, target_rotation)
        if (length := float(np.linalg.norm(error))) < best_error:
            best, best_error = q, length
    return best


def delta_to_joints(
    arm: Arm,
    q: npt.ArrayLike,
    deltas: npt.ArrayLike,
    *,
    frame: Literal["base", "tool"] = "base",
    max_step: float = 0.35,
) -> Vector:
    """Tool deltas ``(T, 6)`` (m, then a rotation vector in rad, axes of ``frame``) -> joint targets ``(T, N)`` rad.

    Each delta starts at the pose that the target before it reaches, so that what a singularity or a joint limit took
    away is not made up for in one leap later. No joint moves more than ``max_step`` rad from one target to the next.
    Raises ValueError on a shape other than ``(T, 6)`` or a value that isn't finite.
    """
    moves = np.asarray(deltas, dtype=np.float64)
    if moves.ndim != 2 or moves.shape[1] != 6:
        raise ValueError(f"deltas must be (T, 6), not {moves.shape}")
    if not np.isfinite(moves).all():
        raise ValueError("deltas must be finite")
    current = np.clip(np.asarray(q, dtype=np.float64), arm.lower, arm.upper)
    targets = np.empty((len(moves), len(current)))
    for index, move in enumerate(moves):
        position, rotation = arm.forward(current)
        turn = rotation_exp(move[3:])
        if frame == "base":
            wanted, turned = position + move[:3], turn @ rotation
        else:
            wanted, turned = position + rotation @ move[:3], rotation @ turn
        reached = ik(arm, current, wanted, turned, iterations=10, tolerance=1e-5)
        change = reached - current
        largest = float(np.max(np.abs(change)))
        current = current + change * min(1.0, max_step / max(largest, 1e-12))
        targets[index] = current
    return targets
