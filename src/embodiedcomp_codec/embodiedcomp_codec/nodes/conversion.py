"""Between ROS image messages and the package's frames; no copy where the layout allows."""

from __future__ import annotations

import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.codec import BitstreamError, Image
from embodiedcomp_codec.codecs.pictures import open_picture
from embodiedcomp_codec.depth import Depth

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
"""Bytes of a pixel in each colour encoding that the encoder takes."""
DEPTH_ENCODINGS = ("16UC1", "mono16")
SECOND = 1_000_000_000


class MessageError(ValueError):
    """An image message that can't be a frame; the message names the value and the valid ones."""


@dataclass(frozen=True)
class Source:
    """A camera's picture: ``(H, W, 3) uint8`` RGB or ``(H, W) uint16`` depth, and the encoding to be restored."""

    pixels: npt.NDArray[Any]
    encoding: str

    @property
    def depth(self) -> bool:
        """Whether this is 16-bit depth."""
        return self.pixels.ndim == 2


def stamp_to_ns(stamp: Time) -> int:
    """A message's stamp in ns."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def read_source(message: ImageMessage | CompressedImage, max_pixels: int) -> Source:
    """The picture of a raw message, or of a JPEG or PNG file of at most ``max_pixels``. Raises MessageError."""
    if isinstance(message, ImageMessage):
        if message.encoding in DEPTH_ENCODINGS:
            return Source(image_to_depth(message), message.encoding)
        if message.encoding not in CHANNELS:
            valid = ", ".join((*CHANNELS, *DEPTH_ENCODINGS))
            raise MessageError(f"image encoding {message.encoding!r} is not one of: {valid}")
        return Source(image_to_frame(message), message.encoding)
    try:
        picture = open_picture(bytes(message.data), max_pixels)
    except BitstreamError as error:
        raise MessageError(f"{error} (format {message.format!r})") from error
    named = message.format.split(";", maxsplit=1)[0].strip()
    if picture.pixels.ndim == 2:
        return Source(picture.pixels, named if named in DEPTH_ENCODINGS else DEPTH_ENCODINGS[0])
    if picture.grey or named not in CHANNELS:
        named = "mono8" if picture.grey else "rgb8"
    return Source(picture.pixels, named)


def image_to_frame(message: ImageMessage) -> Image:
    """``(H, W, 3) uint8`` RGB: a view into the message for ``rgb8``, else one copy. Raises MessageError."""
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise MessageError(f"image encoding {message.encoding!r} is not one of: {', '.join(CHANNELS)}")
    pixels = _pixels(message, channels)
    if message.encoding == "mono8":
        return np.repeat(pixels, 3, axis=2)
    if message.encoding.startswith("bgr"):
        return np.ascontiguousarray(pixels[:, :, 2::-1])
    return pixels[:, :, :3]


def image_to_depth(message: ImageMessage) -> Depth:
    """``(H, W) uint16`` in this machine's byte order: a view into the message where that is its own. Raises MessageError."""
    order = ">u2" if message.is_bigendian else "<u2"
    return _pixels(message, 2).view(order)[:, :, 0].astype(np.uint16, copy=False)


def _pixels(message: ImageMessage, channels: int) -> npt.NDArray[np.uint8]:
    """``(H, W, channels) uint8``, a view into the message without what pads its rows. Raises MessageError."""
    height, width, step = message.height, message.width, message.step
    if min(height, width) < 1 or step < width * channels or len(message.data) < (height - 1) * step + width * channels:
        raise MessageError(
            f"an image of {width}x{height} {message.encoding}, step {step}, holds {len(message.data)} bytes"
        )
    data: npt.NDArray[np.uint8] = np.frombuffer(message.data, dtype=np.uint8)
    return np.lib.stride_tricks.as_strided(
        data, shape=(height, width, channels), strides=(step, channels, 1), writeable=False
    )


def frame_to_image(frame: Image | Depth, encoding: str) -> ImageMessage:
    """An image message in the source's encoding, tightly packed; its header is left to the caller."""
    height, width = frame.shape[:2]
    if frame.ndim == 2:
        depth = encoding if encoding in DEPTH_ENCODINGS else DEPTH_ENCODINGS[0]
        message = ImageMessage(height=height, width=width, encoding=depth, step=2 * width)
        message.data = byte_array(np.ascontiguousarray(frame.astype("<u2")).view(np.uint8).data)
        return message
    if encoding not in CHANNELS:
        encoding = "rgb8"
    if encoding == "mono8":
        pixels = frame[:, :, 1:2]  # grey frames carry the same value in all three channels
    elif encoding in ("rgba8", "bgra8"):
        opaque = np.full((height, width, 1), 255, dtype=np.uint8)
        colours = frame if encoding == "rgba8" else frame[:, :, ::-1]
        pixels = np.concatenate([colours, opaque], axis=2)
    else:
        pixels = frame[:, :, ::-1] if encoding == "bgr8" else frame
    message = ImageMessage(height=height, width=width, encoding=encoding, step=width * CHANNELS[encoding])
    message.data = byte_array(np.ascontiguousarray(pixels).data)
    return message


def byte_array(data: bytes | memoryview) -> array.array[int]:
    """What a ``uint8[]`` field takes over as it is; it would check bytes one by one."""
    out = array.array("B")
    out.frombytes(data)
    return out


def bits_format(encoding: str, codec: str) -> str:
    """``CompressedImage.format`` on the bits topic."""
    return (
        f"{encoding}; {codec} compressed {encoding if encoding == 'mono8' or encoding in DEPTH_ENCODINGS else 'rgb8'}"
    )


def plain_format(encoding: str, codec: str) -> str:
    """``CompressedImage.format`` of a whole JPEG or PNG file, as image_transport writes and reads it."""
    return f"{encoding}; {codec} compressed {'bgr8' if CHANNELS.get(encoding, 1) > 1 else encoding}"


def source_encoding(format: str) -> str:
    """The source image's encoding as a format string names it, else ``rgb8``."""
    encoding = format.split(";", maxsplit=1)[0].strip()
    return encoding if encoding in CHANNELS or encoding in DEPTH_ENCODINGS else "rgb8"
