"""Times the nodes' own path beside the bare library, in one process: jobs as JSON lines on stdin, results on stdout.

``python -m embodiedcomp_eval.nodes.speed_worker``; one job at a time, because a process has one ROS context.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from embodiedcomp_codec.codec import Codec, CodecError, Coded, Encoder, Image, Mode
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_eval.nodes.codec_path import CodecPath, image_message
from embodiedcomp_eval.paired_timing import compare
from embodiedcomp_eval.rivals.bare import BARE

PERIOD_NS = 33_333_333
FILM = 12  # different frames, shown to and fro


class _Counted:
    """A codec whose encoders count how often they are called, and how long that takes."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.calls, self.seconds = 0, 0.0

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        return _CountedEncoder(self, self._codec.encoder(width, height, mode))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)


class _CountedEncoder:
    def __init__(self, counted: _Counted, encoder: Encoder) -> None:
        self._counted, self._encoder = counted, encoder

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        started = time.perf_counter()
        coded = self._encoder.encode(image, quality, key)
        self._counted.calls += 1
        self._counted.seconds += time.perf_counter() - started
        return coded


def film(width: int, height: int) -> list[Image]:
    """Frames that pan there and back, so that any number of them follow one another smoothly."""
    there = panning(FILM, height, width)
    return [*there, *there[-2:0:-1]]


def side_by_side(codec: str, width: int, height: int, frames: int, warm_up: int) -> dict[str, Any]:
    """No target: message to message through both nodes, against the library alone at the same quality."""
    shown = film(width, height)
    messages = [image_message(frame, 0) for frame in shown]
    library = BARE[codec](width, height)
    sizes: dict[str, list[int]] = {"node": [], "library": []}
    with CodecPath([f"codec:={codec}"]) as path:

        def ours(number: int) -> None:
            message = messages[number % len(messages)]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(number * PERIOD_NS, 1_000_000_000)
            bits = path.encode(message)
            sizes["node"].append(len(bits.data))
            path.decode(bits)

        def theirs(number: int) -> None:
            data = library.encode(shown[number % len(shown)])
            sizes["library"].append(len(data))
            library.decode(data)

        timing = compare(ours, theirs, frames, warm_up)
    return {
        "codec": codec,
        "width": width,
        "height": height,
        "node_ms": 1e3 * timing.ours,
        "library_ms": 1e3 * timing.theirs,
        "added_ms": 1e3 * timing.added,
        "added_ratio": timing.ratio,
        "within": timing.within,
        "node_bytes": sum(sizes["node"]) / frames,
        "library_bytes": sum(sizes["library"]) / frames,
        "frames": timing.frames,
    }


def under_target(codec: str, width: int, height: int, target_bpp: float, frames: int, warm_up: int) -> dict[str, Any]:
    """A rate target: message to bits alone, the encodes that the rate control needs, and what one takes in the library."""
    messages = [image_message(frame, 0) for frame in film(width, height)]
    counted = _Counted(get_codec(codec))
    seconds, calls, coding, sizes = [], [], [], []
    with (
        mock.patch("embodiedcomp_codec.stream.get_codec", lambda name: counted),
        CodecPath([f"codec:={codec}", f"target_bpp:={target_bpp}"]) as path,
    ):
        for number in range(frames):
            message = messages[number % len(messages)]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(number * PERIOD_NS, 1_000_000_000)
            before, spent, started = counted.calls, counted.seconds, time.perf_counter()
            bits = path.encode(message)
            if number >= warm_up:
                seconds.append(time.perf_counter() - started)
                calls.append(counted.calls - before)
                coding.append(counted.seconds - spent)
                sizes.append(len(bits.data))
    return {
        "codec": codec,
        "width": width,
        "height": height,
        "target_bpp": target_bpp,
        "bpp": 8 * sum(sizes) / len(sizes) / (width * height),
        "encode_ms": 1e3 * sorted(seconds)[len(seconds) // 2],
        "encode_ms_p95": 1e3 * sorted(seconds)[int(0.95 * (len(seconds) - 1))],
        "encodes": sum(calls) / len(calls),
        "one_encode_ms": 1e3 * sum(coding) / sum(calls),
    }


def main() -> None:
    """Serve jobs until stdin ends."""
    jobs: dict[str, Callable[..., dict[str, Any]]] = {"side_by_side": side_by_side, "under_target": under_target}
    for line in sys.stdin:
        job = json.loads(line)
        kind = job.pop("kind")
        try:
            result = jobs[kind](**job)
        except CodecError as error:
            result = {**job, "error": str(error)}
        sys.stdout.write(json.dumps({"kind": kind, **result}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
