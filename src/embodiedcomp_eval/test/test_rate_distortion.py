"""Quality against rate: more bits look better, and the bits are those of the packets."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_codec.sequences import panning
from embodiedcomp_eval.rate_distortion import measure


def test_more_bits_look_better_and_are_counted() -> None:
    films = [panning(6, 176, 176, seed) for seed in (0, 1)]
    low, _ = measure("webp", 0.1, films, 2)
    high, pictures = measure("webp", 0.4, films, 2)
    assert low.bpp == pytest.approx(0.1, rel=0.05) and high.bpp == pytest.approx(0.4, rel=0.05)
    assert high.psnr > low.psnr and high.ms_ssim > low.ms_ssim
    assert (high.frames, high.mode, high.floor) == (12, "intra", 0.0)
    assert len(pictures) == 2 and all(picture.shape == (176, 176, 3) for shown in pictures for picture in shown)
    error = np.mean([np.mean((p.astype(float) - f) ** 2) for s, film in zip(pictures, films) for p, f in zip(s, film)])
    assert high.psnr == pytest.approx(10 * np.log10(255**2 / error))


def test_below_the_floor_is_said() -> None:
    found, _ = measure("jpeg", 0.005, [panning(4, 64, 64)], 1)
    assert found.floor == 1.0 and found.bpp > 0.05
