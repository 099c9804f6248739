"""Imitation examples on disk: what was seen, and what the expert would do. One ``.npz`` a shard, written atomically."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

VIEW = 128
"""Side of a stored view, pixels: half the camera's, by area averaging, exactly as the policy reduces it."""
HORIZON = 12
"""Poses in a label."""


@dataclass
class Examples:
    """N examples, first axis N everywhere.

    base, wrist: ``(N, VIEW, VIEW, 3) uint8`` RGB. state: ``(N, 7) float32`` rad. tool: ``(N, 4) float32``, x, y, z m and
    yaw rad, base frame. plan: ``(N, HORIZON, 5) float32``, x, y, z, yaw, gripper, base frame. goal: ``(N, 4) float32``,
    episode: ``(N,) int64``, the training seed.
    """

    base: npt.NDArray[np.uint8]
    wrist: npt.NDArray[np.uint8]
    state: npt.NDArray[np.float32]
    tool: npt.NDArray[np.float32]
    plan: npt.NDArray[np.float32]
    goal: npt.NDArray[np.float32]
    episode: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.state)


def halve(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(H, W, 3)`` with even sides -> ``(H/2, W/2, 3)``: the mean of each 2 x 2 block, rounded."""
    wide = image.astype(np.uint16)
    total = wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8)


def save(path: Path, examples: Examples) -> None:
    """Write one shard; a killed process leaves no half of one."""
    temporary = path.with_suffix(".partial")
    with temporary.open("wb") as file:
        np.savez(file, **{f.name: getattr(examples, f.name) for f in fields(examples)})
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def load(paths: Sequence[Path]) -> Examples:
    """Read shards and join them in the order given."""
    shards = []
    for path in paths:
        with np.load(path, allow_pickle=False) as stored:
            shards.append({f.name: stored[f.name] for f in fields(Examples)})
    return Examples(**{f.name: np.concatenate([s[f.name] for s in shards]) for f in fields(Examples)})
