"""Recorded streams as picture files or lossless video, decoded by the very decoder of the live node."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from PIL import Image as Pillow

from embodiedcomp_eval.bags.bundles import open_bag
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.images import (
    TRANSPORTS,
    Frame,
    FrameError,
    Source,
    changed_topics,
    find_sources,
    make_decoder,
)
from embodiedcomp_eval.bags.reader import BagReader
from embodiedcomp_eval.bags.topics import stamp_of

MILLISECOND = Fraction(1, 1000)


class Sink(Protocol):
    """Takes the frames of one camera."""

    def add(self, frame: Frame, stamp_ns: int, log_ns: int) -> None: ...

    def close(self) -> None: ...


class PictureFolder:
    """``NUMBER_STAMP.png``, lossless; the stamp in ns."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self._path, self._count = path, 0

    def add(self, frame: Frame, stamp_ns: int, log_ns: int) -> None:
        """One more file."""
        Pillow.fromarray(frame).save(self._path / f"{self._count:06d}_{stamp_ns}.png")
        self._count += 1

    def close(self) -> None:
        """Every file is whole already."""


class VideoFile:
    """FFV1 in Matroska, lossless RGB, at the times of recording. A camera that changes its size can't be one video."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: Any = None
        self._start_ns, self._last_ms = 0, -1

    def add(self, frame: Frame, stamp_ns: int, log_ns: int) -> None:
        """One more frame, at least 1 ms after the last. Raises BagError on another size, FrameError on depth."""
        if frame.ndim != 3:
            raise FrameError("16-bit depth is no video; write pictures instead")
        height, width = frame.shape[:2]
        if self._container is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._path), "w")
            self._stream = self._container.add_stream("ffv1", rate=1000)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "bgr0"
            self._stream.codec_context.time_base = MILLISECOND
            self._start_ns = log_ns
        if (self._stream.width, self._stream.height) != (width, height):
            raise BagError(
                f"{self._path.name}: the camera changes its size to {width}x{height}; write pictures instead"
            )
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="bgr0")
        self._last_ms = max(self._last_ms + 1, (log_ns - self._start_ns) // 1_000_000)
        picture.pts, picture.time_base = self._last_ms, MILLISECOND
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Write what is left and the index."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()


SINKS: dict[str, tuple[Callable[[Path], Sink], str]] = {"pictures": (PictureFolder, ""), "video": (VideoFile, ".mkv")}
"""Name -> (sink, ending of its path)."""


@dataclass(frozen=True)
class Exported:
    """What one topic gave. path: None where it gave no frame. problem: why the first message that gave none did."""

    topic: str
    path: Path | None
    frames: int
    skipped: int
    problem: str = ""


def export(bag: Path, out: Path, kind: str, topics: Sequence[str] = ()) -> list[Exported]:
    """Write every image topic of ``topics`` (empty: the rawest of each camera), one after the other.

    A topic whose type changes, or that gives no frame, is told of. Raises BagError where it was asked for, and where none
    gives any; then nothing is left in ``out``.
    """
    if kind not in SINKS:
        raise BagError(f"unknown kind {kind!r}; choose from {', '.join(SINKS)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BagError(f"{out} is not an empty folder; choose another --out")
    partial = out.parent / f".{out.name}.partial"
    if partial.exists():
        raise BagError(f"{partial} is left from a run that was killed or still goes on; remove it first")
    with open_bag(bag) as reader:
        sources = find_sources(reader.topics, topics)
        images = (
            {topic.name for topic in reader.topics if topic.msgtype in TRANSPORTS.values()} if not topics else set()
        )
        changed = [Exported(n, None, 0, 0, why) for n, why in changed_topics(reader.topics).items() if n in images]
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise BagError(f"can't write into {out}: {error.strerror}") from error
        try:
            found = [_export(reader, source, partial, out, kind) for source in sources]
            for one in found:
                if not one.frames and (one.topic in topics or not any(other.frames for other in found)):
                    reason = f": {one.problem}" if one.problem else ""
                    raise BagError(f"{bag}: no frame of {one.topic} could be decoded{reason}")
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    if out.exists():
        out.rmdir()
    partial.rename(out)
    return [*found, *changed]


def _export(reader: BagReader, source: Source, folder: Path, out: Path, kind: str) -> Exported:
    """One topic into ``folder``, which becomes ``out``."""
    make, ending = SINKS[kind]
    name = f"{source.topic.strip('/').replace('/', '.')}{ending}"
    decoder, frames, skipped, problem = make_decoder(source), 0, 0, ""
    with ExitStack() as stack:
        sink = make(folder / name)
        stack.callback(sink.close)
        for record in reader.records([source.topic]):
            message = reader.deserialize(record)
            try:
                frame = decoder.decode(message)
                if frame is not None:
                    sink.add(frame, stamp_of(message), record.log_ns)
                    frames += 1
                    continue
                reason = "no key frame before it"
            except FrameError as error:
                reason = str(error)
            skipped += 1
            problem = problem or reason
    if not frames and (folder / name).is_dir():
        (folder / name).rmdir()
    return Exported(source.topic, out / name if frames else None, frames, skipped, problem)
