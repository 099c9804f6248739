"""The receiving end of one camera's stream: packets in, pictures out, and never one that was built on a missing reference."""

from __future__ import annotations

from dataclasses import dataclass

from embodiedcomp_codec.codec import BitstreamError, CodecError, Decoder, Image
from embodiedcomp_codec.frame import coded_side, upsample
from embodiedcomp_codec.packet import Header, KeyInfo, sequence_follows, unpack
from embodiedcomp_codec.registry import make_decoder
from embodiedcomp_codec.rolling import RollingDecoder


@dataclass(frozen=True)
class ReceivedFrame:
    """What one packet gave: a picture, or why there is none; ``need_key`` asks the sender for a key frame.

    The picture of a depth packet is ``(H, W) uint16``.
    """

    image: Image | None
    key: bool
    sequence: int
    need_key: bool
    reason: str
    downsample: int = 8


class DecoderStream:
    """Turns one camera's packets back into pictures of the source size. The key frame says which codec.

    A stream with rolling refresh becomes whole again by itself: for it no key frame is asked.
    """

    def __init__(self, max_pixels: int = 4096 * 2304) -> None:
        self._max_pixels = max_pixels
        self.reset()

    def reset(self) -> None:
        """Return to exactly the state after construction: waiting for a key frame."""
        self._decoder: Decoder | None = None
        self._info: KeyInfo | None = None
        self._last: int | None = None
        self._rolling: RollingDecoder | None = None

    @property
    def info(self) -> KeyInfo | None:
        """What the last good key frame announced, or None."""
        return self._info

    def decode(self, packet: bytes) -> ReceivedFrame:
        """Decode one packet; never raises on bad bytes, but says why there is no picture."""
        try:
            header, data = unpack(packet, self._max_pixels)
        except BitstreamError as error:
            return ReceivedFrame(None, False, -1, self._last is None, f"corrupt: {error}")
        if header.rolling:
            return self._decode_rolling(header, data)
        if self._rolling is not None:
            self._rolling, self._last = None, None  # another stream
        if header.info is None and self._last is None:
            return ReceivedFrame(None, False, header.sequence, True, "late join: waiting for a key frame")
        if header.info is None and not sequence_follows(header.sequence, self._last or 0):
            reason = f"gap: packet {header.sequence} after {self._last}"
            self._last = None
            return ReceivedFrame(None, False, header.sequence, True, reason)
        try:
            image = self._decode(header, data)
        except (BitstreamError, CodecError) as error:
            self._last, self._decoder = None, None
            return ReceivedFrame(None, header.key, header.sequence, True, f"corrupt: {error}")
        self._last = header.sequence
        return ReceivedFrame(image, header.key, header.sequence, False, "", header.downsample)

    def _decode_rolling(self, header: Header, data: bytes) -> ReceivedFrame:
        """One packet of a stream with rolling refresh: a picture where all bands were coded anew since the last loss."""
        info, wave, why = header.info, header.wave, "rolling refresh"
        try:
            if info is not None and wave is not None:
                if self._rolling is None or not self._rolling.fits(info, wave.bands, header.downsample):
                    self._rolling, self._last = self._make_rolling(info, wave.bands, header.downsample), None
                self._info = info
            if self._rolling is None or self._info is None:
                return ReceivedFrame(None, False, header.sequence, False, "late join: waiting for a refresh")
            if self._last is None or not sequence_follows(header.sequence, self._last):
                why = "late join" if self._last is None else f"gap: packet {header.sequence} after {self._last}"
                self._rolling.lose()
            self._last = header.sequence
            small = self._rolling.decode(data, wave, header.downsample)
        except (BitstreamError, CodecError) as error:
            if self._rolling is not None:
                self._rolling.lose()
            return ReceivedFrame(None, header.key, header.sequence, False, f"corrupt: {error}")
        if small is None:
            return ReceivedFrame(None, False, header.sequence, False, f"{why}: {self._rolling.state}")
        image = upsample(small, header.downsample, self._info.width, self._info.height)
        return ReceivedFrame(image, header.key, header.sequence, False, "", header.downsample)

    def _make_rolling(self, info: KeyInfo, bands: int, downsample: int) -> RollingDecoder:
        return RollingDecoder(info, bands, downsample, lambda: make_decoder(info.codec, info.mode))

    def _decode(self, header: Header, data: bytes) -> Image:
        if header.info is not None:
            # A new group owes nothing to the old one; an intra stream keeps its decoder.
            if header.info != self._info or header.info.mode == "inter" or self._decoder is None:
                self._decoder = make_decoder(header.info.codec, header.info.mode)
            self._info = header.info
        assert self._info is not None and self._decoder is not None, "a packet in sequence follows a key frame"
        n = header.downsample
        width, height = coded_side(self._info.width, n), coded_side(self._info.height, n)
        small = self._decoder.decode(data, header.key, width, height)
        if small.ndim == 2 and n != 8:
            raise BitstreamError(f"depth is never downsampled, here to {n}/8")
        return upsample(small, n, self._info.width, self._info.height)
