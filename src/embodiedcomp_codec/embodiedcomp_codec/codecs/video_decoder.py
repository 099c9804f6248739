"""One packet in, one picture out, through PyAV: the decoder of every video codec here."""

from __future__ import annotations

import zlib

import av
import av.error

from embodiedcomp_codec.codec import BitstreamError, Image
from embodiedcomp_codec.codecs.yuv import MINIMUM, ToRgb

ALIGNMENT = 128  # pixels


class AvDecoder:
    """Decodes one video stream with one of FFmpeg's decoders, single-threaded and without delay."""

    def __init__(self, decoder: str, checked: bool = False, smallest: int = MINIMUM) -> None:
        self._decoder = decoder
        self._checked = checked
        self._max_pixels = 0
        self._context = self._open(self._max_pixels)
        self._rgb = ToRgb(smallest)

    def _open(self, max_pixels: int) -> av.CodecContext:
        context = av.CodecContext.create(self._decoder, "r")
        context.thread_count = 1
        # Whatever size the bitstream claims, nothing larger than the size announced is allocated.
        context.options = {"err_detect": "crccheck+bitstream+buffer+explode", "max_pixels": str(max_pixels)}
        context.flags |= av.codec.context.Flags.low_delay
        return context

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        """Return ``(height, width, 3) uint8``. Raises BitstreamError unless the packet is exactly one such picture."""
        if not data:
            raise BitstreamError("an empty packet")
        if self._checked:
            data, given = data[:-1], data[-1:]
            if check_sum(data) != given or not data:
                raise BitstreamError(f"no whole picture of {width}x{height}: its check sum is wrong")
        max_pixels = _aligned(width) * _aligned(height)
        if key and max_pixels > self._max_pixels:
            self._max_pixels, self._context = max_pixels, self._open(max_pixels)
        try:
            frames = self._context.decode(av.Packet(data))
        except (av.error.FFmpegError, ValueError) as error:
            raise BitstreamError(f"no picture of {width}x{height}: {error}") from error
        if len(frames) != 1:
            raise BitstreamError(f"a packet gave {len(frames)} pictures instead of one")
        frame = frames[0]
        if not isinstance(frame, av.VideoFrame) or frame.is_corrupt:
            raise BitstreamError(f"a damaged picture of {width}x{height}")
        return self._rgb.image(frame, width, height)


def _aligned(side: int) -> int:
    """At least what FFmpeg makes of a side: whole coding blocks, and lines that suit its vector instructions."""
    return -(-side // ALIGNMENT) * ALIGNMENT


def check_sum(data: bytes) -> bytes:
    """One byte that a truncated or damaged picture seldom matches."""
    return bytes([zlib.crc32(data) & 255])
