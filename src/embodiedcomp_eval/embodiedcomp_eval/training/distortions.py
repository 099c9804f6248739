"""What a codec at a low rate leaves of training pictures: the augmentation of `reference-robust`, by the real codecs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.frame import downsample, upsample
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig

Image = npt.NDArray[np.uint8]
Images = Mapping[str, Image]

CODECS = ("jpeg", "jpeg-bare", "webp", "av1", "hevc")
DOWNSAMPLE = "downsample"
LOWEST, HIGHEST = 0.005, 0.1
"""Payload bpp: rates are drawn evenly on a logarithmic scale between them."""
PERIOD = 0.5
"""s between training frames, about: what the encoders expect before they have seen two stamps."""


class Variants(Protocol):
    """Which pictures of one instant are stored; the first is what a learned policy under correction sees."""

    def start(self, seed: int) -> None:
        """A new episode: every draw follows from ``seed``."""
        ...

    def of(self, images: Images, stamp_ns: int) -> list[Images]:
        """One or more sets of pictures of the instant ``stamp_ns``."""
        ...


class Clean:
    """The uncompressed pictures and nothing else: `reference`."""

    def start(self, seed: int) -> None:
        """Nothing to draw."""

    def of(self, images: Images, stamp_ns: int) -> list[Images]:
        """``[images]``."""
        return [images]


class Distorted:
    """``count`` differently coded sets and, last, the clean one.

    Each set of an episode is one codec at one rate, with a stream per camera as in a trial (inter codecs predict from the
    episode's earlier frames, key frames cost what they cost, low rates bring the ladder's downsampling), or downsampling
    by n/8 alone.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"count of distorted sets must be 1 or more, not {count}")
        self._count = count
        self._ways: list[_Way] = []

    def start(self, seed: int) -> None:
        """Draw codec and rate of each set."""
        self._ways = [
            _Way(np.random.default_rng(np.random.SeedSequence([0xD157, seed, index]))) for index in range(self._count)
        ]

    def of(self, images: Images, stamp_ns: int) -> list[Images]:
        """``count + 1`` sets. Raises RuntimeError before the first ``start``."""
        if not self._ways:
            raise RuntimeError("start the episode before its pictures are distorted")
        return [*(way.apply(images, stamp_ns) for way in self._ways), images]


class _Way:
    """One drawn distortion of one episode, with its streams."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.kind = str(rng.choice([*CODECS, DOWNSAMPLE]))
        self.bpp = float(np.exp(rng.uniform(np.log(LOWEST), np.log(HIGHEST))))
        self.n = int(rng.integers(1, 8))
        self._streams: dict[str, tuple[EncoderStream, DecoderStream]] = {}

    def apply(self, images: Images, stamp_ns: int) -> Images:
        if self.kind == DOWNSAMPLE:
            return {
                name: upsample(downsample(image, self.n), self.n, image.shape[1], image.shape[0])
                for name, image in images.items()
            }
        return {name: self._coded(name, image, stamp_ns) for name, image in images.items()}

    def _coded(self, camera: str, image: Image, stamp_ns: int) -> Image:
        if camera not in self._streams:
            config = StreamConfig(codec=self.kind, target_bpp=self.bpp, frame_period=PERIOD)
            self._streams[camera] = (EncoderStream(config), DecoderStream())
        encoder, decoder = self._streams[camera]
        received = decoder.decode(encoder.encode(image, stamp_ns).packet)
        if received.image is None:  # as in a trial: the decoder asks for a key frame and goes on from that
            encoder.request_key()
            received = decoder.decode(encoder.encode(image, stamp_ns).packet)
        if received.image is None:
            raise RuntimeError(f"{self.kind} gave no picture at {self.bpp:g} bpp: {received.reason}")
        return received.image
