"""Minimum, maximum, mean, deviation and quantiles of a data set's features: vectors exactly, pictures from counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)
LEVELS = 256
Statistics = dict[str, npt.NDArray[np.float64]]


def of_vectors(rows: Sequence[npt.NDArray[np.float64]]) -> Statistics:
    """Of ``(N, J)`` numbers, each entry ``(J,)``; ``count`` is ``[N]``."""
    values = np.asarray(rows, dtype=np.float64)
    found = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)]),
    }
    for share, value in zip(QUANTILES, np.quantile(values, QUANTILES, axis=0), strict=True):
        found[name_of(share)] = value
    return found


def name_of(quantile: float) -> str:
    """``q01`` to ``q99``."""
    return f"q{round(100 * quantile):02d}"


class PictureCounts:
    """How often each level of each channel came, from which all statistics follow without keeping a picture."""

    def __init__(self) -> None:
        self._counts, self._pictures = np.zeros((3, LEVELS), dtype=np.int64), 0

    def add(self, picture: npt.NDArray[np.uint8]) -> None:
        """A picture ``(H, W, 3) uint8``."""
        for channel in range(3):
            self._counts[channel] += np.bincount(picture[:, :, channel].reshape(-1), minlength=LEVELS)
        self._pictures += 1

    def merge(self, other: PictureCounts) -> None:
        """Take another's pictures in."""
        self._counts += other._counts
        self._pictures += other._pictures

    def statistics(self) -> Statistics:
        """Levels as 0 to 1, each entry ``(3, 1, 1)``; ``count`` is the number of pictures."""
        levels = np.arange(LEVELS) / (LEVELS - 1)
        shares = self._counts / self._counts.sum(axis=1, keepdims=True)
        mean = shares @ levels
        there = self._counts > 0
        found = {
            "min": levels[there.argmax(axis=1)],
            "max": levels[LEVELS - 1 - there[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0)),
        }
        for share in QUANTILES:
            found[name_of(share)] = levels[(shares.cumsum(axis=1) >= share - 1e-12).argmax(axis=1)]
        shaped = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, "count": np.array([self._pictures])}
