"""The video messages of other packages, where these are installed: FFMPEGPacket and CompressedVideo."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from std_msgs.msg import Header

from embodiedcomp_codec.nodes.conversion import byte_array
from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.video_bitstream import FFMPEG_NAMES, FOXGLOVE_NAMES, VideoFrame

KEY_FLAG = 1


@dataclass(frozen=True)
class VideoMessage:
    """One kind of message: whose it is, the names that it has for codecs, and how it is filled.

    ``fill`` takes the message, the source's header and encoding, the codec's name in this message, the frame and its number.
    """

    package: str
    name: str
    codecs: dict[str, str]
    fill: Callable[[Any, Header, str, str, VideoFrame, int], None]

    def load(self, codec: str) -> type:
        """The message class. Raises ParameterError where it isn't installed or can't hold ``codec``."""
        if codec not in self.codecs:
            raise ParameterError(f"{self.name} holds no {codec}; choose one of: {', '.join(self.codecs)}")
        try:
            found: type = getattr(importlib.import_module(f"{self.package}.msg"), self.name)
        except ImportError as error:
            raise ParameterError(
                f"{self.name} needs the ROS package {self.package}, which is not installed here ({error})"
            ) from error
        return found


def _fill_ffmpeg(message: Any, header: Header, encoding: str, codec: str, frame: VideoFrame, number: int) -> None:
    message.header = header
    message.width, message.height = frame.width, frame.height
    # Codec; its pixels; what cv_bridge made of the source before coding; the source's own encoding.
    message.encoding = f"{codec};yuv420p;rgb8;{encoding}"
    message.pts = number
    message.flags = KEY_FLAG if frame.key else 0
    message.is_bigendian = False
    message.data = byte_array(frame.data)


def _fill_foxglove(message: Any, header: Header, encoding: str, codec: str, frame: VideoFrame, number: int) -> None:
    message.timestamp, message.frame_id = header.stamp, header.frame_id
    message.format = codec
    message.data = byte_array(frame.data)


VIDEO_MESSAGES = {
    "ffmpeg": VideoMessage("ffmpeg_image_transport_msgs", "FFMPEGPacket", FFMPEG_NAMES, _fill_ffmpeg),
    "foxglove": VideoMessage("foxglove_msgs", "CompressedVideo", FOXGLOVE_NAMES, _fill_foxglove),
}
"""Transport (the last word of its topics) -> its message. Neither package is required, so none is imported by name."""
