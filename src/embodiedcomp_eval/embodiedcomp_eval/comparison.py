"""Are two runs of one trial the same, episode by episode, but for wall-clock fields? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WALL = "wall"
"""The one key of an episode's line whose content another run may differ in."""


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
