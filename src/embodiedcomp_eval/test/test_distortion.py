"""PSNR and MS-SSIM against their definitions and, for MS-SSIM, against the library that compressai uses."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.distortion import ms_ssim, mse, psnr

RNG = np.random.default_rng(3)
IMAGE = np.kron(RNG.integers(0, 255, (25, 31, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def noisy(strength: float) -> np.ndarray:
    return np.clip(IMAGE + RNG.normal(0, strength, IMAGE.shape), 0, 255).astype(np.uint8)


def test_psnr_of_a_constant_shift() -> None:
    shifted = np.full_like(IMAGE, 100)
    assert mse(shifted, shifted + 10) == 100
    assert mse(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 255**2
    assert psnr(100) == pytest.approx(28.1308, abs=1e-4)
    assert psnr(0) == float("inf")


@pytest.mark.parametrize("strength", [5.0, 60.0])
@pytest.mark.parametrize("shape", [(200, 248), (199, 247)])
def test_ms_ssim_agrees_with_pytorch_msssim(strength: float, shape: tuple[int, int]) -> None:
    import pytorch_msssim
    import torch

    first, second = (image[: shape[0], : shape[1]] for image in (IMAGE, noisy(strength)))
    tensors = [
        torch.from_numpy(np.ascontiguousarray(i.transpose(2, 0, 1))[None].astype(np.float32)) for i in (first, second)
    ]
    expected = float(pytorch_msssim.ms_ssim(*tensors, data_range=255))
    assert ms_ssim(first, second) == pytest.approx(expected, abs=2e-3)


def test_ms_ssim_of_equal_and_small_pictures() -> None:
    assert ms_ssim(IMAGE, IMAGE) == pytest.approx(1.0)
    assert np.isnan(ms_ssim(IMAGE[:160], IMAGE[:160]))
