"""Where a learned codec's weights lie: local files if any were named, else the published ones (None).

``use_weights`` or the environment variable EMBODIEDCOMP_WEIGHTS names a file, or a folder with files ``CODEC.safetensors`` or
``CODEC-NUMBER….safetensors`` (also .pth, .pt, .pth.tar): one a rate, in the order of their names, coarsest first.
"""

from __future__ import annotations

import os
import pathlib
import re

from embodiedcomp_codec.codec import CodecError

VARIABLE = "EMBODIEDCOMP_WEIGHTS"
SUFFIXES = (".safetensors", ".pth", ".pt", ".pth.tar")
_chosen: list[pathlib.Path] = []


def use_weights(path: str | pathlib.Path | None) -> None:
    """Take weights from ``path`` in this process; None: as the environment says. Raises CodecError if it is missing."""
    if path is not None and not pathlib.Path(path).exists():
        raise CodecError(f"weights {str(path)!r}: no such file or folder")
    _chosen[:] = [] if path is None else [pathlib.Path(path)]


def weight_files(codec: str) -> tuple[pathlib.Path, ...] | None:
    """The codec's files, coarsest first; None: nothing was named. Raises CodecError if what was named holds none."""
    named = _chosen[0] if _chosen else os.environ.get(VARIABLE)
    if not named:
        return None
    path = pathlib.Path(named)
    if path.is_file():
        return (path,)
    name = re.compile(rf"{re.escape(codec)}(-\d.*)?")
    files = tuple(sorted(file for file in path.glob("*") if name.fullmatch(_stem(file))))
    if not files:
        raise CodecError(
            f"weights {str(path)!r}: no file {codec}-NUMBER{SUFFIXES[0]} (or {', '.join(SUFFIXES[1:])}) in it"
        )
    return files


def _stem(file: pathlib.Path) -> str:
    """The name without its suffix; empty for a file that is no weights."""
    return next((file.name[: -len(suffix)] for suffix in SUFFIXES if file.name.endswith(suffix)), "")
