"""How far a decoded picture is from its source: PSNR and MS-SSIM. Pure numpy and scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

Image = npt.NDArray[np.uint8]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales (Wang, Simoncelli, Bovik 2003)."""
WINDOW, SIGMA = 11, 1.5
SMALLEST = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1)
"""px: both sides must be longer than this for five scales."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def mse(first: Image, second: Image) -> float:
    """Mean squared error of two pictures ``(H, W, 3) uint8``."""
    difference = first.astype(np.int16) - second
    return float(np.mean(np.square(difference, dtype=np.int32), dtype=np.float64))


def psnr(error: float) -> float:
    """dB of a mean squared error; infinite where there is none."""
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def ms_ssim(first: Image, second: Image) -> float:
    """Multi-scale structural similarity, 0 to 1, mean over the colour channels; NaN for pictures of 160 px or less."""
    if min(first.shape[:2]) <= SMALLEST:
        return float("nan")
    x, y = (np.moveaxis(image.astype(np.float32), 2, 0) for image in (first, second))
    taps = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    taps /= taps.sum()
    result = np.ones(3)
    for scale, weight in enumerate(WEIGHTS):
        similarity, contrast = _ssim(x, y, taps)
        part = similarity if scale == len(WEIGHTS) - 1 else contrast
        result *= np.maximum(part, 0.0) ** weight
        x, y = _halve(x), _halve(y)
    return float(result.mean())


def _ssim(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], taps: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean SSIM and mean of its contrast-structure part, each ``(3,)``, over windows that lie within the picture."""
    mean_x, mean_y = _blur(x, taps), _blur(y, taps)
    variance_x, variance_y = _blur(x * x, taps) - mean_x**2, _blur(y * y, taps) - mean_y**2
    covariance = _blur(x * y, taps) - mean_x * mean_y
    contrast = (2 * covariance + C2) / (variance_x + variance_y + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (luminance * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _blur(image: npt.NDArray[np.float32], taps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    edge = WINDOW // 2
    blurred = correlate1d(correlate1d(image.astype(np.float64), taps, axis=1), taps, axis=2)
    inner: npt.NDArray[np.float64] = blurred[:, edge:-edge, edge:-edge]
    return inner


def _halve(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average of 2x2 pixels; an odd side is padded with zeros at both ends' first, as the reference implementation does."""
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (height % 2, height % 2), (width % 2, width % 2)))
    height, width = (side // 2 * 2 for side in padded.shape[1:])
    blocks = padded[:, :height, :width].reshape(3, height // 2, 2, width // 2, 2)
    halved: npt.NDArray[np.float32] = blocks.mean(axis=(2, 4))
    return halved
