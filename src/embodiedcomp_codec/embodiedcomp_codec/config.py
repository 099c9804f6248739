"""Reads ``codecs.yaml``: which downsampling rate point serves which target."""

from __future__ import annotations

import functools
import pathlib

import yaml

from embodiedcomp_codec.codec import CodecError

Ladder = tuple[tuple[float, int], ...]
"""Rungs ``(from_bpp, downsample)``, ascending; the first begins at 0."""


@functools.cache
def ladder(codec: str) -> Ladder:
    """The rungs of a codec. Raises CodecError on a file that makes no sense."""
    return parse_ladder(yaml.safe_load(config_path().read_text()), codec)


def parse_ladder(document: dict[str, dict[str, list[list[float]]]], codec: str) -> Ladder:
    """The codec's rungs in a parsed file, else those of ``default``."""
    entry = document.get(codec, document.get("default", {}))
    rungs = tuple((float(start), int(n)) for start, n in entry.get("ladder", []))
    if not rungs or rungs[0][0] != 0.0 or list(rungs) != sorted(set(rungs)):
        raise CodecError(f"codecs.yaml: the ladder of {codec!r} must begin at 0 bpp and ascend, not {rungs}")
    if any(not 1 <= n <= 8 for _, n in rungs):
        raise CodecError(f"codecs.yaml: the ladder of {codec!r} has a downsampling outside 1 to 8")
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
