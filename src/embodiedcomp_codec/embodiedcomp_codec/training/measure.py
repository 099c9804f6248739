"""What a set of weights gives on frames it was not trained on: real strings, decoded again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.frame import downsample, upsample
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import mean_square_error
from embodiedcomp_codec.weights import use_weights

RATE_POINTS = (8, 6, 4, 2)
"""n of n/8."""


@dataclass(frozen=True)
class Point:
    """downsample n: n/8 of each side was coded. bpp: bits of the strings per source pixel. psnr: dB at full size, of the mean
    squared error of all frames together."""

    downsample: int
    bpp: float
    psnr: float

    def as_dict(self) -> dict[str, float]:
        """Plain values, rounded for a report."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measure(codec: str, weights: Path, frames: Iterable[Image]) -> list[Point]:
    """Code every frame ``(H, W, 3) uint8`` at each rate point with these weights alone, at the rate they were trained for."""
    frames = list(frames)
    points = []
    use_weights(weights)
    try:
        quality = getattr(get_codec(codec), "own_quality", 1.0)
        for n in RATE_POINTS:
            bits, pixels, error = 0, 0, 0.0
            for image in frames:
                height, width = image.shape[:2]
                small = downsample(image, n)
                rows, columns = small.shape[:2]
                coded = get_codec(codec).encoder(columns, rows, "intra").encode(small, quality, True)
                shown = get_codec(codec).decoder("intra").decode(coded.data, True, columns, rows)
                bits += 8 * len(coded.data)
                pixels += width * height
                error += mean_square_error(image, upsample(shown, n, width, height))
            points.append(Point(n, bits / pixels, float(10 * np.log10(255.0**2 / max(error / len(frames), 1e-9)))))
    finally:
        use_weights(None)
    return points
