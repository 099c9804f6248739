"""Where a learned codec's weights lie: local files if any were named, else the published ones, else those of this package.

``use_weights`` or the environment variable EMBODIEDCOMP_WEIGHTS names a file, or a folder with files ``CODEC.safetensors`` or
``CODEC-NUMBER….safetensors`` (also .pth, .pt, .pth.tar): one a rate, in the order of their names, coarsest first. The
package's own, made by ``train-codec`` on task frames, lie in ``shipped_weights/`` (see the README there).
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re

from embodiedcomp_codec.codec import CodecError

VARIABLE = "EMBODIEDCOMP_WEIGHTS"
SUFFIXES = (".safetensors", ".pth", ".pt", ".pth.tar")
SHIPPED = pathlib.Path(__file__).parent / "shipped_weights"
_chosen: list[pathlib.Path] = []


def use_weights(path: str | pathlib.Path | None) -> None:
    """Take weights from ``path`` in this process; None: as the environment says. Raises CodecError if it is missing."""
    if path is not None and not pathlib.Path(path).exists():
        raise CodecError(f"weights {str(path)!r}: no such file or folder")
    _chosen[:] = [] if path is None else [pathlib.Path(path)]


def named_weights() -> pathlib.Path | None:
    """The file or folder that ``use_weights`` or the environment names, or None."""
    named = _chosen[0] if _chosen else os.environ.get(VARIABLE)
    return pathlib.Path(named) if named else None


def weight_files(codec: str) -> tuple[pathlib.Path, ...] | None:
    """The codec's files, coarsest first; None: nothing was named. Raises CodecError if what was named holds none."""
    path = named_weights()
    if path is None or path.is_file():
        return None if path is None else (path,)
    files = _files_of(codec, path)
    if not files:
        raise CodecError(
            f"weights {str(path)!r}: no file {codec}-NUMBER{SUFFIXES[0]} (or {', '.join(SUFFIXES[1:])}) in it"
        )
    return files


def shipped_files(codec: str) -> tuple[pathlib.Path, ...]:
    """The codec's files in this package, coarsest first; empty for one that ships without."""
    return _files_of(codec, SHIPPED)


def hashes(files: tuple[pathlib.Path, ...]) -> dict[str, str]:
    """SHA-256 of each file by its name."""
    found = {}
    for path in files:
        with path.open("rb") as content:
            found[path.name] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def _files_of(codec: str, folder: pathlib.Path) -> tuple[pathlib.Path, ...]:
    name = re.compile(rf"{re.escape(codec)}(-\d.*)?")
    return tuple(sorted(file for file in folder.glob("*") if name.fullmatch(_stem(file))))


def _stem(file: pathlib.Path) -> str:
    """The name without its suffix; empty for a file that is no weights."""
    return next((file.name[: -len(suffix)] for suffix in SUFFIXES if file.name.endswith(suffix)), "")
