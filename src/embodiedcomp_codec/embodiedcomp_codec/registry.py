"""Codecs by name, from the entry point group ``embodiedcomp.codecs`` of every installed package.

Listing names loads nothing; asking for one loads that one only, so that a node with ``jpeg`` never imports torch.
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points

from embodiedcomp_codec.codec import Codec, CodecError, Decoder, DepthCodec, Mode

GROUP = "embodiedcomp.codecs"
DEPTH_GROUP = "embodiedcomp.depth_codecs"


def codec_names(package: str | None = None) -> list[str]:
    """The names of all installed codecs, or of those whose code lies in one package, sorted; nothing is imported."""
    points = _entry_points().values()
    return sorted(point.name for point in points if package is None or point.module.split(".")[0] == package)


@functools.cache
def get_codec(name: str) -> Codec:
    """Load and return the codec ``name``. Raises CodecError naming the choices, or why it can't be loaded."""
    point = _entry_points().get(name)
    if point is None:
        raise CodecError(f"unknown codec {name!r}; choose one of: {', '.join(codec_names())}")
    try:
        codec = point.load()
    except ImportError as error:
        raise CodecError(f"codec {name!r} can't be loaded: {error}") from error
    codec = codec() if isinstance(codec, type) or not isinstance(codec, Codec) else codec
    if not isinstance(codec, Codec):
        raise CodecError(
            f"entry point {point.value!r} of codec {name!r} is no codec (see embodiedcomp_codec.codec.Codec)"
        )
    if codec.name != name:
        raise CodecError(f"entry point {name!r} holds a codec that calls itself {codec.name!r}")
    return codec


@functools.cache
def get_depth_codec(name: str) -> DepthCodec:
    """Load and return the depth codec ``name``. Raises CodecError naming the choices, or why it can't be loaded."""
    points = _depth_points()
    if name not in points:
        raise CodecError(f"unknown depth codec {name!r}; choose one of: {', '.join(sorted(points))}")
    try:
        codec: DepthCodec = points[name].load()()
    except ImportError as error:
        raise CodecError(f"depth codec {name!r} can't be loaded: {error}") from error
    return codec


def make_decoder(name: str, mode: Mode) -> Decoder:
    """A fresh decoder of whichever codec a packet names, depth included. Raises CodecError as ``get_codec``."""
    if name in _depth_points():
        return get_depth_codec(name).decoder(mode)
    return get_codec(name).decoder(mode)


def _entry_points(group: str = GROUP) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


@functools.cache
def _depth_points() -> dict[str, EntryPoint]:
    return _entry_points(DEPTH_GROUP)  # asked for at every key frame, and slow
