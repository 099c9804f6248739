"""From recorded image messages of any transport to frames ``(H, W, 3) uint8``, and which topics show which camera."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import av
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from embodiedcomp_codec.stream import DecoderStream
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.bags.reader import Topic

Frame = npt.NDArray[np.uint8]
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
FFMPEG = "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"
FOXGLOVE = "foxglove_msgs/msg/CompressedVideo"
TRANSPORTS = {"": IMAGE, "/compressed": COMPRESSED, "/ffmpeg": FFMPEG, "/foxglove": FOXGLOVE, "/embodiedcomp": COMPRESSED,
              "/decoded": IMAGE}  # fmt: skip
"""Ending of a transport's topic -> its type, the nearest to the camera first."""
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "8UC1": 1, "8UC3": 3}
DEPTH = ("16UC1", "mono16")
VIDEO_DECODERS = {"h264": "h264", "h265": "hevc", "hevc": "hevc", "vp9": "vp9", "av1": "libdav1d"}


DEPTH_NOTE = "16-bit depth, which only the encoder node codes (without loss); `embodiedcomp decode` gives its pictures"


class FrameError(ValueError):
    """A message that gives no frame; the message says why."""


class FrameDecoder(Protocol):
    """Turns one topic's messages into frames, in order."""

    def decode(self, message: Any) -> Frame | None:
        """The frame ``(H, W, 3) uint8`` RGB, or depth ``(H, W) uint16``; None while a reference is missing. Raises FrameError."""
        ...


@dataclass(frozen=True)
class Source:
    """The topic that a camera's frames are taken from. image: name of the image topic behind the transport."""

    topic: str
    msgtype: str
    image: str

    @property
    def ours(self) -> bool:
        """Whether it is a stream of this suite."""
        return self.topic.endswith("/embodiedcomp")


def changed_topics(topics: Sequence[Topic]) -> dict[str, str]:
    """Topics whose type changes in this bag -> a line that says so: they are not read."""
    kinds: dict[str, list[str]] = {}
    for topic in topics:
        if topic.count:
            kinds.setdefault(topic.name, []).append(topic.msgtype)
    return {
        name: f"topic {name} changes its type in this bag ({' and '.join(found)}); split it there first"
        for name, found in kinds.items()
        if len(found) > 1
    }


def find_sources(topics: Sequence[Topic], wanted: Sequence[str] = ()) -> list[Source]:
    """One source per camera, the rawest there is; ``wanted`` names topics instead. Raises BagError naming the choices.

    A topic whose type changes is left out, and an error where it was wanted or is the only one.
    """
    found: dict[str, tuple[int, Source]] = {}
    choices: dict[str, Source] = {}
    changed = changed_topics(topics)
    for topic in topics:
        suffix = next((s for s in reversed(TRANSPORTS) if s and topic.name.endswith(s)), "")
        if topic.msgtype not in TRANSPORTS.values() or topic.count == 0 or topic.name.endswith("/compressedDepth"):
            continue
        if topic.name in changed:
            continue
        if TRANSPORTS[suffix] != topic.msgtype:
            suffix = ""
        source = Source(topic.name, topic.msgtype, topic.name.removesuffix(suffix))
        choices[topic.name] = source
        rank = list(TRANSPORTS).index(suffix)
        if source.image not in found or rank < found[source.image][0]:
            found[source.image] = (rank, source)
    for name in wanted:
        if name in changed:
            raise BagError(changed[name])
    if not choices:
        for topic in topics:
            if topic.name in changed and topic.msgtype in TRANSPORTS.values():
                raise BagError(changed[topic.name])
        there = ", ".join(topic.name for topic in topics) or "none"
        raise BagError(f"no image topic in this bag; its topics: {there}")
    for name in wanted:
        if name not in choices:
            raise BagError(f"no image topic {name!r} in this bag; choose from {', '.join(choices)}")
    return [choices[name] for name in wanted] or [source for _, source in found.values()]


def make_decoder(source: Source) -> FrameDecoder:
    """A fresh decoder for the messages of ``source``."""
    if source.msgtype == IMAGE:
        return RawDecoder()
    if source.msgtype == COMPRESSED:
        return StreamDecoder() if source.ours else StillDecoder()
    return VideoDecoder()


class RawDecoder:
    """``sensor_msgs/Image``."""

    def decode(self, message: Any) -> Frame:
        """Rows may be padded; colours come in any order, depth in any byte order."""
        depth = message.encoding in DEPTH
        channels = 2 if depth else CHANNELS.get(message.encoding)
        if channels is None:
            raise FrameError(f"image encoding {message.encoding!r} is not one of: {', '.join((*CHANNELS, *DEPTH))}")
        height, width, step = int(message.height), int(message.width), int(message.step)
        data = np.frombuffer(message.data, dtype=np.uint8)
        if min(height, width) < 1 or step < width * channels or len(data) < (height - 1) * step + width * channels:
            raise FrameError(f"an image of {width}x{height} {message.encoding}, step {step}, holds {len(data)} bytes")
        pixels = np.lib.stride_tricks.as_strided(data, (height, width, channels), (step, channels, 1), writeable=False)
        if depth:
            values: Any = np.ascontiguousarray(pixels).view(">u2" if message.is_bigendian else "<u2")
            return values[:, :, 0].astype(np.uint16)
        if channels == 1:
            return np.repeat(pixels, 3, axis=2)
        blue_first = message.encoding.startswith("bgr") or message.encoding == "8UC3"
        return np.ascontiguousarray(pixels[:, :, 2::-1] if blue_first else pixels[:, :, :3])


class StillDecoder:
    """``sensor_msgs/CompressedImage`` with a JPEG or PNG file."""

    def decode(self, message: Any) -> Frame:
        """What Pillow opens as JPEG or PNG; a PNG of 16 bit is depth."""
        try:
            with Pillow.open(io.BytesIO(bytes(message.data)), formats=("JPEG", "PNG")) as image:
                if image.mode.startswith("I"):
                    depth: Any = np.array(image).astype(np.uint16)
                    return depth
                return np.array(image.convert("RGB"), dtype=np.uint8)
        except (UnidentifiedImageError, OSError, ValueError, Pillow.DecompressionBombError) as error:
            raise FrameError(f"no JPEG or PNG (format {message.format!r}): {' '.join(str(error).split())}") from error


class StreamDecoder:
    """Our own stream: the very decoder of the live node."""

    def __init__(self) -> None:
        self._stream = DecoderStream()

    def decode(self, message: Any) -> Frame | None:
        """None after a gap, until the next key frame."""
        return self._stream.decode(bytes(message.data)).image


class VideoDecoder:
    """``FFMPEGPacket`` and ``CompressedVideo``: one coded frame a message, parameter sets in band."""

    def __init__(self) -> None:
        self._context: av.VideoCodecContext | None = None

    def decode(self, message: Any) -> Frame | None:
        """None until the first key frame."""
        named = message.encoding if hasattr(message, "encoding") else message.format
        codec = named.split(";", maxsplit=1)[0].strip().lower()
        name = next((VIDEO_DECODERS[key] for key in VIDEO_DECODERS if key in codec), None)
        if name is None:
            raise FrameError(f"video encoding {named!r} is not one of: {', '.join(VIDEO_DECODERS)}")
        if self._context is None:
            context = av.CodecContext.create(name, "r")
            context.thread_count = 1
            context.options = {"flags": "low_delay"}
            self._context = context
        assert self._context is not None, "made above"
        try:
            pictures = self._context.decode(av.Packet(bytes(message.data)))
        except av.FFmpegError as error:
            raise FrameError(f"no {codec} frame: {error}") from error
        return pictures[-1].to_ndarray(format="rgb24") if pictures else None
