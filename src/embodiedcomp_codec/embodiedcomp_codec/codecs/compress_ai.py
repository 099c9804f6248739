"""CompressAI's learned codecs, with real strings from ``compress()`` to ``decompress()``. Every frame decodes alone.

A bitstream is one byte for the quality step, the strings, and two bytes of check sum over them and the frame's size, crossed
with the weights' fingerprint: the range decoder would run past the end of damaged strings, and the networks of other
weights would show anything. torch is imported at the first encoder or decoder, not before. Both ends must run the same torch
on like processors: the entropy model's tables are looked up by numbers that a network computes.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from embodiedcomp_codec.codec import BitstreamError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.codecs.compress_ai_steps import LEVELS, own_quality, step
from embodiedcomp_codec.codecs.compress_ai_weights import WeightSets, find_weights
from embodiedcomp_codec.frame import pad, padded_side

_MULTIPLE = 64  # pixels that the deepest latent of every one of these networks stands for
_LENGTH_BYTES = 2
_LONG = 0xFFFF  # a length of more bytes follows
_LONG_BYTES = 4
_CHECK_BYTES = 2


@dataclass(frozen=True)
class LearnedCodec:
    """One architecture. ``published`` rates have weights online; ``strings`` are what one frame becomes, the latents' first.

    scalable: its latents are coded by a Gaussian model without context, so that one set of weights serves many rates.
    """

    name: str
    published: int
    strings: int
    scalable: bool = False
    modes: tuple[Mode, ...] = ("intra",)
    lossless: bool = False

    @property
    def weights(self) -> WeightSets:
        """Those in use: named, published or shipped."""
        return find_weights(self.name, self.published)

    @property
    def levels(self) -> int:
        """Quality steps: many for a scalable codec, else one for each set of weights."""
        return LEVELS if self.scalable else self.weights.count

    @property
    def own_quality(self) -> float:
        """The quality in [0, 1] that the finest weights were trained for."""
        return own_quality(self.weights.lambdas) if self.scalable else 1.0

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """An encoder; loads the finest weights now. Raises CodecError where weights or CompressAI are missing."""
        encoder = _Encoder(self)
        self.network(encoder.weights, self.levels - 1)
        return encoder

    def decoder(self, mode: Mode) -> Decoder:
        """A decoder; weights are loaded as packets ask for them."""
        return _Decoder(self)

    def network(self, weights: WeightSets, level: int) -> Any:
        """The network of one quality step, ready to code at its gain."""
        if not self.scalable:
            return weights.network(level)
        from embodiedcomp_codec.codecs.compress_ai_gain import set_gain

        index, gain = step(level, weights.lambdas)
        network = weights.network(index)
        set_gain(network, gain)
        return network


class _Encoder:
    def __init__(self, codec: LearnedCodec) -> None:
        self._codec = codec
        self.weights = codec.weights
        self._image: Image | None = None
        self._pixels: Any = None

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        import torch

        level = round(quality * (self._codec.levels - 1))
        network = self._codec.network(self.weights, level)
        height, width = image.shape[:2]
        with _alone(torch):
            out = network.compress(self._tensor(image, torch))
        *first, last = [bytes(string[0]) for string in out["strings"]]
        body = bytes([level]) + b"".join(_length(len(string)) + string for string in first) + last
        return Coded(body + _check(body, self.weights.fingerprint, width, height), key=True)

    def _tensor(self, image: Image, torch: Any) -> Any:
        """The padded picture ``(1, 3, H, W)`` in [0, 1]; the very same tensor for the same picture tried again."""
        if self._image is None or not np.array_equal(image, self._image):
            padded = torch.from_numpy(np.array(pad(image, _MULTIPLE, _MULTIPLE), order="C"))
            # A view of interleaved pixels, which is the layout that the networks are in.
            self._image, self._pixels = image.copy(), padded.permute(2, 0, 1)[None].float() / 255
        return self._pixels


class _Decoder:
    def __init__(self, codec: LearnedCodec) -> None:
        self._codec = codec
        self._weights = codec.weights

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        import torch

        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if not body:
            raise BitstreamError(f"no picture of {width}x{height} in {len(data)} bytes")
        here = self._weights.fingerprint
        if check != _check(body, here, width, height):
            # An undamaged stream of other weights shows their fingerprint.
            there = int.from_bytes(check, "big") ^ int.from_bytes(_check(body, 0, width, height), "big")
            raise BitstreamError(
                f"no picture of {width}x{height}: damaged, or coded with other weights (fingerprint {there:04x}; here "
                f"{here:04x}, {self._weights.origin})"
            )
        if body[0] >= self._codec.levels:
            raise BitstreamError(f"no picture of {width}x{height}: no quality step {body[0]} of {self._codec.levels}")
        network = self._codec.network(self._weights, body[0])
        strings = self._split(body[1:])
        deepest = 16 if self._codec.strings == 1 else _MULTIPLE
        shape = [padded_side(side, _MULTIPLE, _MULTIPLE) // deepest for side in (height, width)]
        with _alone(torch):
            pixels = network.decompress([[string] for string in strings], shape)["x_hat"][0]
            picture = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        return np.ascontiguousarray(picture.transpose(1, 2, 0)[:height, :width])

    def _split(self, rest: bytes) -> list[bytes]:
        strings = []
        for _ in range(self._codec.strings - 1):
            length, start = int.from_bytes(rest[:_LENGTH_BYTES], "big"), _LENGTH_BYTES
            if length == _LONG:
                start += _LONG_BYTES
                length = int.from_bytes(rest[_LENGTH_BYTES:start], "big")
            if len(rest) < start + length:
                raise BitstreamError("a string is longer than its packet")
            strings.append(rest[start : start + length])
            rest = rest[start + length :]
        return [*strings, rest]


def _length(length: int) -> bytes:
    short = length.to_bytes(_LENGTH_BYTES, "big") if length < _LONG else _LONG.to_bytes(_LENGTH_BYTES, "big")
    return short if length < _LONG else short + length.to_bytes(_LONG_BYTES, "big")


@contextlib.contextmanager
def _alone(torch: Any) -> Iterator[None]:
    """One thread and no gradients: with more threads sums come in another order, and both ends must agree to the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


def _check(body: bytes, fingerprint: int, width: int, height: int) -> bytes:
    start = zlib.crc32(width.to_bytes(2, "big") + height.to_bytes(2, "big"))
    return (zlib.crc32(body, start) & 0xFFFF ^ fingerprint).to_bytes(_CHECK_BYTES, "big")


BMSHJ2018_FACTORIZED = LearnedCodec("bmshj2018-factorized", published=8, strings=1)
BMSHJ2018_HYPERPRIOR = LearnedCodec("bmshj2018-hyperprior", published=8, strings=2, scalable=True)
MBT2018_MEAN = LearnedCodec("mbt2018-mean", published=8, strings=2, scalable=True)
MBT2018 = LearnedCodec("mbt2018", published=8, strings=2)
CHENG2020_ANCHOR = LearnedCodec("cheng2020-anchor", published=6, strings=2)
CHENG2020_ATTN = LearnedCodec("cheng2020-attn", published=6, strings=2)
