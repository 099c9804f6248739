"""A tree of coordinate frames over time, as tf2 keeps it: where is a point of one frame in another, at an instant? Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.evidence import TransformSeen

Vector = npt.NDArray[np.float64]

KEEP_NS = 10_000_000_000
"""How far back transforms are kept."""
MAX_DEPTH = 100


class TransformError(ValueError):
    """No way from one frame to the other at that instant; one line says why."""


class NotYetError(TransformError):
    """A transform of the chain has not come so far for that instant: it may still."""


class TransformTree:
    """Collects transforms; a dynamic one is interpolated between its two neighbours in time, never extrapolated."""

    def __init__(self) -> None:
        self._static: dict[str, TransformSeen] = {}
        self._moving: dict[str, deque[TransformSeen]] = {}

    def add(self, seen: TransformSeen) -> None:
        """One transform; stamps of one child that fall back are left out, as tf2 does."""
        if seen.static:
            self._static[seen.child] = seen
            return
        history = self._moving.setdefault(seen.child, deque())
        if history and history[-1].parent != seen.parent:
            history.clear()  # the frame hangs elsewhere now
        if history and seen.stamp_ns <= history[-1].stamp_ns:
            return
        history.append(seen)
        while history[0].stamp_ns < seen.stamp_ns - KEEP_NS:
            history.popleft()

    def locate(self, point: Vector, frame: str, target: str, stamp_ns: int) -> Vector:
        """``point`` ``(3,)`` m of ``frame``, in ``target``. Raises TransformError, NotYetError."""
        if frame == target:
            return point
        up, down = self._ancestors(frame), self._ancestors(target)
        shared = next((name for name in up if name in down), None)
        if shared is None:
            known = ", ".join(sorted({*self._static, *self._moving})) or "none"
            raise TransformError(f"no transform from {frame} to {target}; frames that have one: {known}")
        for name in up[: up.index(shared)]:
            translation, rotation = self._at(name, stamp_ns)
            point = rotation @ point + translation
        for name in reversed(down[: down.index(shared)]):
            translation, rotation = self._at(name, stamp_ns)
            point = rotation.T @ (point - translation)
        return point

    def _ancestors(self, frame: str) -> list[str]:
        """``frame`` and all above it, the root last."""
        found = [frame]
        while (parent := self._parent(found[-1])) is not None:
            if len(found) > MAX_DEPTH:
                raise TransformError(f"the frames above {frame} go round in a loop")
            found.append(parent)
        return found

    def _parent(self, frame: str) -> str | None:
        if frame in self._static:
            return self._static[frame].parent
        return self._moving[frame][-1].parent if frame in self._moving else None

    def _at(self, child: str, stamp_ns: int) -> tuple[Vector, Vector]:
        """Translation ``(3,)`` and rotation ``(3, 3)`` of ``child`` in its parent at an instant."""
        if child in self._static:
            seen = self._static[child]
            return seen.translation, rotation_matrix(seen.rotation)
        history = self._moving[child]
        if history[-1].stamp_ns < stamp_ns:
            raise NotYetError(f"the transform of {child} is {(stamp_ns - history[-1].stamp_ns) / 1e9:.3f} s behind")
        if history[0].stamp_ns > stamp_ns:
            raise TransformError(f"the transform of {child} began {(history[0].stamp_ns - stamp_ns) / 1e9:.3f} s later")
        index = bisect_left(history, stamp_ns, key=lambda seen: seen.stamp_ns)
        after = history[index]
        if after.stamp_ns == stamp_ns:
            return after.translation, rotation_matrix(after.rotation)
        before = history[index - 1]
        share = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        translation = before.translation + share * (after.translation - before.translation)
        return translation, rotation_matrix(slerp(before.rotation, after.rotation, share))


def rotation_matrix(quaternion: Vector) -> Vector:
    """Unit quaternion ``(4,)`` w, x, y, z -> rotation matrix ``(3, 3)``."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def slerp(first: Vector, second: Vector, share: float) -> Vector:
    """Between two unit quaternions ``(4,)`` on the shorter great circle; share 0 to 1 (Shoemake 1985)."""
    cosine = float(first @ second)
    if cosine < 0:
        second, cosine = -second, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-6:
        mixed = first + share * (second - first)
    else:
        mixed = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / np.sin(angle)
    result: Vector = mixed / np.linalg.norm(mixed)
    return result
