"""What stands between a rendered picture and a camera's: shot noise, exposure drift, vibration; pure and seeded.

A simulator's pixels repeat exactly, a camera's never do, and an inter codec is flattered by the former. ``real`` adds
what any camera on an arm shows. It has no memory: a frame depends on its pixels, seed, camera and stamp alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
SensorKind = Literal["clean", "real"]

FULL_WELL = 4000.0  # electrons at grey level 255: the shot noise of a small sensor in a lit room
READ_NOISE = 1.0  # grey levels
EXPOSURE_DRIFT = 0.04  # largest relative change of brightness
VIBRATION = 0.5  # px, largest shift along each axis
GREY = 128


@dataclass(frozen=True)
class Sensor:
    """kind: ``clean`` passes the pixels through. grey: every picture becomes even grey (is the policy looking at all?)."""

    kind: SensorKind = "clean"
    grey: bool = False

    def capture(self, image: Image, seed: int, camera: str, stamp_ns: int) -> Image:
        """The frame ``(H, W, 3) uint8`` that leaves the camera for the rendered ``image``."""
        if self.grey:
            return np.full_like(image, GREY)
        if self.kind == "clean":
            return image
        name = zlib.crc32(camera.encode())
        stream = np.random.default_rng([seed, name])
        frame = np.random.default_rng([seed, name, stamp_ns])
        pixels = _shifted(image.astype(np.float32), *frame.uniform(-VIBRATION, VIBRATION, 2))
        pixels *= _exposure(stream, stamp_ns * 1e-9)
        deviation = np.sqrt(np.maximum(pixels, 0.0) * (255.0 / FULL_WELL) + READ_NOISE**2)
        pixels += deviation * frame.standard_normal(pixels.shape, dtype=np.float32)
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _exposure(stream: np.random.Generator, seconds: float) -> float:
    """Brightness factor: two slow sines whose periods (s) and phases the stream drew."""
    periods, phases = stream.uniform(4.0, 20.0, 2), stream.uniform(0.0, 2.0 * np.pi, 2)
    return float(1.0 + EXPOSURE_DRIFT * np.mean(np.sin(2.0 * np.pi * seconds / periods + phases)))


def _shifted(pixels: npt.NDArray[np.float32], down: float, right: float) -> npt.NDArray[np.float32]:
    """``pixels`` moved by less than a pixel along both axes (bilinear), borders repeated."""
    for axis, shift in ((0, down), (1, right)):
        if shift != 0.0:
            neighbour = np.roll(pixels, 1 if shift > 0 else -1, axis)
            edge = 0 if shift > 0 else -1
            index = (edge, slice(None)) if axis == 0 else (slice(None), edge)
            neighbour[index] = pixels[index]
            pixels = (1.0 - abs(shift)) * pixels + abs(shift) * neighbour
    return pixels.astype(np.float32)
