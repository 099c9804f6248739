"""The bitstreams of our video codecs in the form that video messages of other packages hold.

Both ``ffmpeg_image_transport_msgs/FFMPEGPacket`` and ``foxglove_msgs/CompressedVideo`` take one coded picture a message, with
the parameter sets in band at every key frame: H.264 and HEVC as Annex B, AV1 as a whole temporal unit, VP9 as a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from embodiedcomp_codec.frame import coded_side, padded_side
from embodiedcomp_codec.packet import KeyInfo, unpack

FFMPEG_NAMES = {"h264": "h264", "hevc": "hevc", "av1": "av1", "vp9": "vp9", "vvc": "vvc"}
FOXGLOVE_NAMES = {"h264": "h264", "hevc": "h265", "av1": "av1", "vp9": "vp9"}
"""Our codec -> its name in each kind of message."""
TEMPORAL_DELIMITER = b"\x12\x00"
START_CODES = (b"\0\0\1", b"\0\0\0\1")
ANNEX_B = ("h264", "hevc", "vvc")
SMALLEST, SMALLEST_OF = 16, {"av1": 64, "hevc": 24}
"""Pixels of a side as coded, at least, of any codec and of these: smaller frames are padded."""
CHECKED = ("vp9",)
"""Codecs whose bitstream in our packets ends with a byte of check sum."""


@dataclass(frozen=True)
class VideoFrame:
    """One coded picture: ``data`` as any decoder of the format takes it, its size in pixels as coded (padded, downsampled)."""

    data: bytes
    key: bool
    width: int
    height: int


class VideoUnpacker:
    """Takes one stream's packets apart, in order."""

    def __init__(self) -> None:
        self._info: KeyInfo | None = None

    def frame(self, packet: bytes) -> VideoFrame:
        """What a packet of a video codec holds. Raises BitstreamError on what no encoder of ours wrote."""
        header, data = unpack(packet, 1 << 32)
        self._info = header.info or self._info
        assert self._info is not None, "a stream begins with a key frame"
        smallest = SMALLEST_OF.get(self._info.codec, SMALLEST)
        width, height = (
            padded_side(coded_side(side, header.downsample), 2, smallest)
            for side in (self._info.width, self._info.height)
        )
        return VideoFrame(elementary(self._info.codec, data), header.key, width, height)


def elementary(codec: str, data: bytes) -> bytes:
    """A bitstream of ours in the standard's own framing."""
    if codec == "av1":
        return TEMPORAL_DELIMITER + data
    if codec in CHECKED:
        return data[:-1]
    if codec in ANNEX_B and not data.startswith(START_CODES):
        return START_CODES[1] + data
    return data
