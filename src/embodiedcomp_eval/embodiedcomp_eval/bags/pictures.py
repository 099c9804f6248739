"""The pictures of recorded episodes, source and decoded, named as a sweep names those that it saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.bags.images import FrameDecoder, FrameError, Source, make_decoder
from embodiedcomp_eval.bags.reader import BagReader

EPISODE = "/episode"
BITS = "/embodiedcomp"


def recorded_pictures(
    bag: Path, period_ns: int, encode: Callable[[npt.NDArray[np.uint8]], bytes], episodes: int
) -> Iterator[tuple[str, bytes]]:
    """Name and file of each picture of the bag's first ``episodes``, as ``saved_frames`` lays them out. Raises BagError.

    period_ns: of one control step. encode: makes a file of a picture ``(H, W, 3) uint8``. What gives no picture (lost
    references, the oracle's poses) is left out; a bag without episodes has none.
    """
    with BagReader(bag) as reader:
        types = {topic.name: topic.msgtype for topic in reader.topics if topic.count}
        if EPISODE not in types:
            return
        images = [name for name in types if name + BITS in types]
        kinds = {**dict.fromkeys(images, "source"), **{name + BITS: "decoded" for name in images}}
        decoders: dict[str, FrameDecoder] = {}
        seen: list[int] = []
        for record in reader.records([EPISODE, *kinds]):
            message = reader.deserialize(record)
            if record.topic == EPISODE:
                if not seen or message.seed != seen[-1]:
                    if len(seen) == episodes:
                        return
                    seen.append(int(message.seed))
                    decoders = {n: make_decoder(Source(n, types[n], n.removesuffix(BITS))) for n in kinds}
            elif seen and (picture := _decode(decoders[record.topic], message)) is not None:
                camera = record.topic.strip("/").split("/")[0]
                yield f"{seen[-1]}/{camera}.{_step(message, period_ns):04d}.{kinds[record.topic]}.webp", encode(picture)


def _decode(decoder: FrameDecoder, message: Any) -> npt.NDArray[np.uint8] | None:
    try:
        return decoder.decode(message)
    except FrameError:
        return None


def _step(message: Any, period_ns: int) -> int:
    stamp = message.header.stamp
    return (int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)) // period_ns
