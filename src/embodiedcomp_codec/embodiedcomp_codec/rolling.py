"""Rolling intra refresh: the picture in horizontal bands, each a stream of its own, of which one at a time is coded anew.

So no frame after the first carries a whole key picture, and after a loss the picture is whole again once every band has been
coded anew. Goes around any inter codec. Which band is due follows from the count of frames since the last whole key picture
alone, so that frames that are coded once more, in a fresh encoder, come out the same. ``docs/decisions/0021-rate-control.md``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embodiedcomp_codec.codec import BitstreamError, Codec, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.frame import coded_side
from embodiedcomp_codec.packet import KeyInfo, Wave

MAX_CYCLE = 10_000
SMALLEST = 64  # rows of a band, at least: what moves into a band from the next one must be coded, not predicted
MOST_BANDS = 4  # the same; wide pictures have no more either
UNIT = 16  # rows: bands begin at whole coding blocks
_LENGTH_BYTES = 4  # of one band's length, at most


class Held(float):
    """A quality of the band that is coded anew, while the others stay at theirs: for a picture that stands."""


class RollingCodec:
    """``codec`` with rolling refresh: every band is coded anew once in ``cycle`` frames."""

    lossless = False

    def __init__(self, codec: Codec, cycle: int) -> None:
        problem = cycle_problem(cycle)
        if problem or not cycle:
            raise CodecError(problem or "a cycle of 0 frames is no rolling refresh")
        self._codec, self.cycle = codec, cycle
        self.name = codec.name
        self.modes = codec.modes

    def bands(self, height: int) -> int:
        """How many bands a picture of so many coded rows has."""
        return min(max(height // SMALLEST, 1), self.cycle, MOST_BANDS)

    def encoder(self, width: int, height: int, mode: Mode) -> RollingEncoder:
        """A fresh encoder, whose first picture is a whole key picture."""
        return RollingEncoder(self._codec, self.cycle, self.bands(height), width, height, mode)

    def decoder(self, mode: Mode) -> Decoder:
        """A fresh decoder of one band."""
        return self._codec.decoder(mode)


class RollingEncoder:
    """Of one stream's pictures of one size."""

    def __init__(self, codec: Codec, cycle: int, bands: int, width: int, height: int, mode: Mode) -> None:
        self._codec, self._cycle, self._width, self._mode = codec, cycle, width, mode
        self._rows = band_rows(height, bands)
        self._encoders: list[Encoder] = []
        self._qualities = [0.0] * bands
        self._count = 0  # since the last whole key picture, that one included
        self._tried: dict[float, tuple[Encoder, Coded]] = {}
        self.usual_bytes = [0] * bands
        """What every band took when it was last predicted; after a whole key picture a quarter of that."""

    @property
    def bands(self) -> int:
        """How many there are."""
        return len(self._rows)

    @property
    def standing(self) -> float:
        """The lowest quality at which a band stands."""
        return min(self._qualities)

    @property
    def due(self) -> int | None:
        """The band that the next picture codes anew, unless it is a whole key picture."""
        return due_band(self._count, self._cycle, self.bands) if self._count else None

    def try_fresh(self, image: Image, quality: float) -> int:
        """Bytes that the band that is due takes at this quality. Changes nothing."""
        assert self.due is not None, "no band is due"
        if quality not in self._tried:
            self._tried[quality] = self._anew(image, self.due, quality)
        return len(self._tried[quality][1].data)

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        """As ``codec.Encoder``; ``quality`` may be ``Held``."""
        if key or not self._count:
            return self._whole(image, float(quality))
        due, held, parts = self.due, isinstance(quality, Held), []
        for band, (top, bottom) in enumerate(self._rows):
            if band == due:
                self.try_fresh(image, float(quality))
                self._encoders[band], coded = self._tried[float(quality)]
            else:
                own = self._qualities[band] if held else float(quality)
                coded = self._encoders[band].encode(image[top:bottom], own, False)
                if coded.key:  # unasked: no packet says that of one band
                    return self._whole(image, float(quality))
                self.usual_bytes[band] = len(coded.data)
            if band == due or not held:
                self._qualities[band] = float(quality)
            parts.append(coded.data)
        self._count += 1
        self._tried = {}
        return Coded(join(parts), False)

    def _whole(self, image: Image, quality: float) -> Coded:
        made = [self._anew(image, band, quality) for band in range(self.bands)]
        self._encoders = [encoder for encoder, _ in made]
        self._qualities = [quality] * self.bands
        self._count, self._tried = 1, {}
        self.usual_bytes = [len(coded.data) // 4 for _, coded in made]
        return Coded(join([coded.data for _, coded in made]), True)

    def _anew(self, image: Image, band: int, quality: float) -> tuple[Encoder, Coded]:
        top, bottom = self._rows[band]
        encoder = self._codec.encoder(self._width, bottom - top, self._mode)
        return encoder, encoder.encode(image[top:bottom], quality, True)


class RollingDecoder:
    """Of one layout: what a packet with ``info`` announced. Shows nothing until every band has a reference."""

    def __init__(self, info: KeyInfo, bands: int, downsample: int, new_decoder: Callable[[], Decoder]) -> None:
        self._layout = (info, bands, downsample)
        self._width, height = coded_side(info.width, downsample), coded_side(info.height, downsample)
        if bands > height:
            raise BitstreamError(f"{bands} bands of a picture of {height} rows")
        self._rows = band_rows(height, bands)
        self._new_decoder = new_decoder
        self._decoders: list[Decoder | None] = [None] * bands

    def fits(self, info: KeyInfo, bands: int, downsample: int) -> bool:
        """Whether packets of this layout go on with the pictures so far."""
        return self._layout == (info, bands, downsample)

    def lose(self) -> None:
        """A packet is missing: no band has a reference."""
        self._decoders = [None] * len(self._rows)

    @property
    def state(self) -> str:
        """How far the refresh is."""
        return f"{sum(decoder is not None for decoder in self._decoders)} of {len(self._rows)} bands refreshed"

    def decode(self, data: bytes, wave: Wave | None, downsample: int) -> Image | None:
        """The coded picture ``(H, W, 3) uint8``, or None while a band has no reference. Raises BitstreamError."""
        if downsample != self._layout[2]:
            raise BitstreamError(
                f"a rolling stream that goes from {self._layout[2]}/8 to {downsample}/8 without a key frame"
            )
        pictures = []
        for band, part in enumerate(split(data, len(self._rows))):
            anew = wave is not None and wave.band in (None, band)
            if anew:
                self._decoders[band] = self._new_decoder()
            decoder = self._decoders[band]
            if decoder is not None:
                top, bottom = self._rows[band]
                pictures.append(decoder.decode(part, anew, self._width, bottom - top))
        return np.concatenate(pictures) if len(pictures) == len(self._rows) else None


def cycle_problem(cycle: int) -> str | None:
    """One line on what is impossible about a number of frames in which everything is refreshed, 0 being none; or None."""
    if cycle == 0 or 2 <= cycle <= MAX_CYCLE:
        return None
    return f"refresh_frames {cycle} is impossible; choose 0 (off) or 2 to {MAX_CYCLE} frames"


def band_rows(height: int, bands: int) -> list[tuple[int, int]]:
    """First row of every band, and the first behind it. Bands begin at whole coding blocks where there are enough rows."""
    unit = UNIT if height >= UNIT * bands else 1
    starts = [unit * (band * -(-height // unit) // bands) for band in range(bands)]
    return list(zip(starts, [*starts[1:], height], strict=True))


def due_band(count: int, cycle: int, bands: int) -> int | None:
    """The band that is coded anew ``count`` frames after the last whole key picture: each once in ``cycle`` frames."""
    phase = count % cycle
    return next((band for band in range(bands) if (band + 1) * cycle // bands % cycle == phase), None)


def join(parts: list[bytes]) -> bytes:
    """Bitstreams of all bands in one: the lengths of all but the last, 7 bits a byte, lowest first; then the bitstreams."""
    lengths = bytearray()
    for part in parts[:-1]:
        left = len(part)
        while left > 127:
            lengths.append(left & 127 | 128)
            left >>= 7
        lengths.append(left)
    return bytes(lengths) + b"".join(parts)


def split(data: bytes, bands: int) -> list[bytes]:
    """The inverse of ``join``. Raises BitstreamError on lengths beyond the data."""
    at, lengths = 0, []
    for _ in range(bands - 1):
        length = 0
        for place in range(_LENGTH_BYTES):
            if at == len(data):
                raise BitstreamError("a rolling stream's packet ends within its lengths")
            byte, at = data[at], at + 1
            length |= (byte & 127) << 7 * place
            if byte < 128:
                break
        else:
            raise BitstreamError(f"a band's length of more than {_LENGTH_BYTES} bytes")
        lengths.append(length)
    if sum(lengths) > len(data) - at:
        raise BitstreamError(f"bands of {sum(lengths)} bytes in {len(data) - at}")
    parts = []
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    return [*parts, data[at:]]
