"""Where a point of the cell appears in a camera's picture: for checks that a camera sees what it should. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.layout import BASE_EYE, BASE_TARGET, WRIST_EYE, in_base_frame

Vector = npt.NDArray[np.float64]


def base_camera_pose() -> tuple[Vector, Vector]:
    """Eye ``(3,)`` m and axes ``(3, 3)`` in the base frame; columns: forward, left, up."""
    eye = in_base_frame(BASE_EYE)
    forward = in_base_frame(BASE_TARGET) - eye
    forward = forward / np.linalg.norm(forward)
    left = np.cross([0.0, 0.0, 1.0], forward)
    left = left / np.linalg.norm(left)
    return eye, np.column_stack([forward, left, np.cross(forward, left)])


def wrist_camera_pose(flange: Vector, rotation: Vector) -> tuple[Vector, Vector]:
    """The same for the wrist camera of a flange at ``flange`` ``(3,)`` m, turned by ``rotation`` ``(3, 3)``."""
    axes = np.column_stack([(0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)])
    return flange + rotation @ np.array(WRIST_EYE), rotation @ axes


def pixel(point: npt.ArrayLike, eye: Vector, axes: Vector, fov: float, size: int) -> tuple[int, int] | None:
    """(row, column) of ``point`` ``(3,)`` m in a square picture of ``size`` px and ``fov`` degrees, None outside it."""
    forward, left, up = axes.T @ (np.asarray(point, dtype=np.float64) - eye)
    if forward <= 0:
        return None
    focal = size / 2.0 / np.tan(np.radians(fov) / 2.0)
    row, column = int(size / 2.0 - focal * up / forward), int(size / 2.0 - focal * left / forward)
    return (row, column) if 0 <= row < size and 0 <= column < size else None


def hue_distance(colour: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Angle (degrees) between two colours ``(3,)`` as directions: the same under more or less light."""
    a, b = np.asarray(colour, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return 180.0 if length == 0 else float(np.degrees(np.arccos(np.clip(a @ b / length, -1.0, 1.0))))
