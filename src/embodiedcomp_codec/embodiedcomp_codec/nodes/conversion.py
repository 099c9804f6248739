"""Between ROS image messages and the package's frames; no copy where the layout allows."""

from __future__ import annotations

import array

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.codec import Image

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
"""Bytes of a pixel in each encoding that the encoder takes."""
SECOND = 1_000_000_000


class MessageError(ValueError):
    """An image message that can't be a frame; the message names the value and the valid ones."""


def stamp_to_ns(stamp: Time) -> int:
    """A message's stamp in ns."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def image_to_frame(message: ImageMessage) -> Image:
    """``(H, W, 3) uint8`` RGB: a view into the message for ``rgb8``, else one copy. Raises MessageError."""
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise MessageError(f"image encoding {message.encoding!r} is not one of: {', '.join(CHANNELS)}")
    height, width, step = message.height, message.width, message.step
    if min(height, width) < 1 or step < width * channels or len(message.data) < (height - 1) * step + width * channels:
        raise MessageError(
            f"an image of {width}x{height} {message.encoding}, step {step}, holds {len(message.data)} bytes"
        )
    data: npt.NDArray[np.uint8] = np.frombuffer(message.data, dtype=np.uint8)
    pixels = np.lib.stride_tricks.as_strided(
        data, shape=(height, width, channels), strides=(step, channels, 1), writeable=False
    )
    if message.encoding == "mono8":
        return np.repeat(pixels, 3, axis=2)
    if message.encoding.startswith("bgr"):
        return np.ascontiguousarray(pixels[:, :, 2::-1])
    return pixels[:, :, :3]


def frame_to_image(frame: Image, encoding: str) -> ImageMessage:
    """An image message in the source's encoding, tightly packed; its header is left to the caller."""
    height, width = frame.shape[:2]
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
    return f"{encoding}; {codec} compressed {'mono8' if encoding == 'mono8' else 'rgb8'}"


def source_encoding(format: str) -> str:
    """The source image's encoding as a format string names it, else ``rgb8``."""
    encoding = format.split(";", maxsplit=1)[0].strip()
    return encoding if encoding in CHANNELS else "rgb8"
