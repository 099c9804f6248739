"""Are two runs of one trial the same, episode by episode, but for wall-clock fields? And which are worth a second one? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WALL = "wall"
"""The one key of an episode's line whose content another run may differ in."""


def spread_choice(lossy: Sequence[bool], count: int) -> list[int]:
    """Which of the cells to run again, as ascending indices: ``count`` of them, or all that there are.

    lossy: of each cell, whether a codec changes its pictures. Two of three are taken from these, since a codec is what
    another machine may do otherwise; both kinds are spread evenly over their cells, which stand codec by codec.
    """
    codecs = [i for i, is_lossy in enumerate(lossy) if is_lossy]
    others = [i for i, is_lossy in enumerate(lossy) if not is_lossy]
    of_others = min(len(others), max(count // 3, count - len(codecs)))
    return sorted([*_evenly(codecs, count - of_others), *_evenly(others, of_others)])


def _evenly(of: Sequence[int], count: int) -> list[int]:
    if count >= len(of):
        return list(of)
    return [of[(2 * i + 1) * len(of) // (2 * count)] for i in range(count)]


def differences(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> list[str]:
    """What differs between two lists of episode lines, for people; empty when nothing does."""
    found = []
    if len(first) != len(second):
        found.append(f"{len(first)} and {len(second)} episodes")
    for one, other in zip(first, second, strict=False):
        keys = sorted((set(one) | set(other)) - {WALL})
        found.extend(
            f"seed {one.get('seed')}: {key} is {one.get(key)!r} and {other.get(key)!r}"
            for key in keys
            if one.get(key) != other.get(key)
        )
    return found
