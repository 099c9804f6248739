"""How far a decoded picture is from its source: PSNR and MS-SSIM."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

Image = npt.NDArray[np.uint8]

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's five scales (Wang, Simoncelli and Bovik 2003)."""
WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(decoded: Image, source: Image) -> float:
    """dB over all values of two ``(H, W, 3) uint8``; inf where they are equal. Raises ValueError on different shapes."""
    _check(decoded, source)
    error = float(np.mean((decoded.astype(np.float64) - source.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ms_ssim(decoded: Image, source: Image) -> float:
    """Multi-scale structural similarity, mean over the channels; NaN for a side under 176 px (five scales don't fit)."""
    _check(decoded, source)
    if min(source.shape[:2]) < WINDOW * 2 ** (len(SCALE_WEIGHTS) - 1):
        return math.nan
    x, y = decoded.astype(np.float64), source.astype(np.float64)
    result = np.ones(source.shape[2])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        luminance, contrast = _ssim_terms(x, y)
        last = scale == len(SCALE_WEIGHTS) - 1
        term = (luminance * contrast if last else contrast).mean(axis=(0, 1))
        result *= np.maximum(term, 0.0) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    return float(result.mean())


def _check(decoded: Image, source: Image) -> None:
    if decoded.shape != source.shape or source.ndim != 3:
        raise ValueError(f"pictures must be (H, W, 3) of one size, found {decoded.shape} and {source.shape}")


def _ssim_terms(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Luminance and contrast-structure terms at each place where the whole window lies inside."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blurred(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    offsets = np.arange(WINDOW) - WINDOW // 2
    kernel = np.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    margin = WINDOW // 2
    blurred = correlate1d(correlate1d(values, kernel, axis=0), kernel, axis=1)
    return np.asarray(blurred[margin:-margin, margin:-margin], dtype=np.float64)


def _halved(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    blocks = values[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float64)
