"""How much a frame differs from the last: a cheap forecast of what an inter frame will cost."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import Image

STRIDE = 4  # every fourth pixel along each side is looked at
STILL = 0.5  # mean absolute difference, grey levels, below which everything counts as equally still
LIMIT = 3.0
FADING = 0.9  # of the largest difference seen, what counts of it a frame later


class Motion:
    """Follows one stream."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.int16] | None = None
        self._difference = STILL
        self._seen = False
        self.growth = 0.0
        """log2 of this frame's difference from the last, over the last frame's from the one before; within ±3."""
        self._largest = STILL
        self.leap = 0.0
        """log2 of this frame's difference from the last, over the largest of late; within ±3. Stopping and going on is none."""
        self.still = False
        """Whether neither this frame nor the one before brought anything new."""
        self.moving = False
        """Whether this frame brought something new."""

    def see(self, image: Image) -> None:
        """Look at the next frame ``(H, W, 3) uint8``."""
        small = image[::STRIDE, ::STRIDE].astype(np.int16)
        if self._last is None or self._last.shape != small.shape:
            self._last, self._difference, self.growth, self.still = small, STILL, 0.0, False
            self._seen = self.moving = False
            self._largest, self.leap = STILL, 0.0
            return
        difference = max(STILL, float(np.abs(small - self._last).mean()))
        self.growth = min(max(math.log2(difference / self._difference), -LIMIT), LIMIT)
        self.leap = min(max(math.log2(difference / self._largest), -LIMIT), LIMIT)
        self._largest = max(difference, FADING * self._largest)
        self.moving = difference > STILL
        self.still = self._seen and difference == self._difference == STILL
        self._last, self._difference, self._seen = small, difference, True
