"""Reads ``codecs.yaml``: which downsampling rate point serves which target."""

from __future__ import annotations

import functools
import pathlib
from typing import Any, Literal

import yaml

from embodiedcomp_codec.codec import CodecError

Ladder = tuple[tuple[float, int], ...]
"""Rungs ``(from_bpp, downsample)``, ascending; the first begins at 0."""


Schedule = Literal["intra", "inter", "sparse"]
"""What a ladder was measured on: frames alone, frames predicted from the last at camera pace, or one frame a query."""

SCHEDULES: tuple[Schedule, ...] = ("intra", "inter", "sparse")


@functools.cache
def ladder(codec: str, schedule: Schedule) -> Ladder:
    """The rungs of a codec. Raises CodecError on a file that makes no sense."""
    return parse_ladder(yaml.safe_load(config_path().read_text(encoding="utf-8")), codec, schedule)


def parse_ladder(document: dict[str, dict[str, Any]], codec: str, schedule: Schedule) -> Ladder:
    """The codec's rungs in a parsed file, else those of ``default``."""
    default = document.get("default", {})
    entry = document.get(codec, default)
    found = entry.get(schedule, default.get(schedule, []))
    rungs = tuple((float(start), int(n)) for start, n in found)
    if not rungs or rungs[0][0] != 0.0 or list(rungs) != sorted(set(rungs)):
        raise CodecError(f"codecs.yaml: {schedule} of {codec!r} must begin at 0 bpp and ascend, not {rungs}")
    if any(not 1 <= n <= 8 for _, n in rungs):
        raise CodecError(f"codecs.yaml: {schedule} of {codec!r} has a downsampling outside 1 to 8")
    return rungs


def rate_point(rungs: Ladder, bpp: float) -> int:
    """The downsampling n (of n/8) that serves ``bpp`` bits per source pixel."""
    return [n for start, n in rungs if start <= bpp][-1]


def config_path() -> pathlib.Path:
    """Where the file lies: in ``config/`` of a checkout, or in this package's share folder once installed."""
    here = pathlib.Path(__file__).resolve()
    for parent in here.parents:
        for path in (parent / "share/embodiedcomp_codec/config/codecs.yaml", parent / "config/codecs.yaml"):
            if path.is_file():
                return path
    raise CodecError(f"config/codecs.yaml was not found in any folder above {here}")
