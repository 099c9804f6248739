"""The trivial rivals as codec plug-ins: one picture, no picture, ground truth, and a picture with one level of noise."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image as Picture

from embodiedcomp_codec.codec import BitstreamError, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_eval import oracle_pose

GREY = 128


class FirstFrameOnly:
    """One good picture per episode; afterwards nothing is sent and the decoder goes on showing it."""

    name = "first-frame-only"
    modes: tuple[Mode, ...] = ("inter",)
    lossless = False
    levels = 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """Stateless: only key frames are sent."""
        return _OnePicture()

    def decoder(self, mode: Mode) -> Decoder:
        """Remembers the picture."""
        return _OnePicture()


class _OnePicture:
    def __init__(self) -> None:
        self._shown: Image | None = None

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        if not key:
            return Coded(b"", key=False)
        content = io.BytesIO()
        Picture.fromarray(image).save(content, "WEBP", quality=round(100 * quality), method=6)
        return Coded(content.getvalue(), key=True)

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        if data:
            try:
                self._shown = np.asarray(Picture.open(io.BytesIO(data)).convert("RGB"))
            except (OSError, ValueError) as error:
                raise BitstreamError(f"no picture: {error}") from error
        if self._shown is None or self._shown.shape != (height, width, 3):
            raise BitstreamError(f"no picture of {width}x{height}")
        return self._shown.copy()


class StateOnly:
    """No picture at all: the policy sees even grey and the robot's own joints."""

    name = "state-only"
    modes: tuple[Mode, ...] = ("inter",)
    lossless = False
    levels = 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """Stateless."""
        return _Nothing()

    def decoder(self, mode: Mode) -> Decoder:
        """Stateless."""
        return _Nothing()


class _Nothing:
    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        return Coded(b"", key=key)

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        if data:
            raise BitstreamError(f"{len(data)} bytes where none belong")
        return np.full((height, width, 3), GREY, dtype=np.uint8)


class NoneNoise:
    """Uncompressed, but every value is off by at most one grey level: the A/A test, which must not matter."""

    name = "none-noise"
    modes: tuple[Mode, ...] = ("intra",)
    lossless = False
    levels = 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """Stateless: the noise follows from the picture, so that episodes repeat."""
        return _Noisy()

    def decoder(self, mode: Mode) -> Decoder:
        """Stateless."""
        return _Noisy()


class _Noisy:
    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        pixels = np.ascontiguousarray(image)
        noise = np.random.default_rng(zlib.crc32(pixels.tobytes())).integers(-1, 2, pixels.shape, dtype=np.int16)
        return Coded(np.clip(pixels + noise, 0, 255).astype(np.uint8).tobytes(), key=True)

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        if len(data) != width * height * 3:
            raise BitstreamError(f"{len(data)} bytes are no raw frame of {width}x{height}")
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)


class OraclePose:
    """Holds the name: the loop puts the oracle's own streams in its place, and nothing else can."""

    name = oracle_pose.NAME
    modes: tuple[Mode, ...] = ("intra",)
    lossless = False
    levels = 1

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """Raises CodecError: there is no ground truth outside the simulator's process."""
        raise CodecError(f"codec {self.name!r} needs ground truth: use --transport inprocess")

    def decoder(self, mode: Mode) -> Decoder:
        """Raises CodecError, as ``encoder`` does."""
        raise CodecError(f"codec {self.name!r} needs ground truth: use --transport inprocess")
