"""Modules put into CompressAI's networks, so that its own ``compress()`` and ``decompress()`` code at any gain. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class ScaledConditional(torch.nn.Module):
    """In the place of a Gaussian conditional: latents, means and scales times ``gain`` on the way in, divided on the way out."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.gain = 1.0

    def build_indexes(self, scales: Tensor) -> Tensor:
        """Which table codes each latent."""
        indexes: Tensor = self.inner.build_indexes(scales * self.gain)
        return indexes

    def compress(self, latents: Tensor, indexes: Tensor, means: Tensor | None = None) -> list[bytes]:
        """Real strings, one a picture."""
        strings: list[bytes] = self.inner.compress(latents * self.gain, indexes, self._times(means))
        return strings

    def decompress(
        self, strings: list[bytes], indexes: Tensor, dtype: torch.dtype = torch.float, means: Tensor | None = None
    ) -> Tensor:
        """The latents of ``compress``, rounded in steps of 1/gain about their means."""
        latents: Tensor = self.inner.decompress(strings, indexes, dtype, self._times(means))
        return latents / self.gain

    def forward(self, latents: Tensor, scales: Tensor, means: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the network's own forward() asks for."""
        rounded, likelihoods = self.inner(latents * self.gain, scales * self.gain, self._times(means))
        return rounded / self.gain, likelihoods

    def _times(self, means: Tensor | None) -> Tensor | None:
        return None if means is None else means * self.gain


class Remembering(torch.nn.Module):
    """A transform that answers for the very tensor of its last call without computing: trials differ in the gain alone."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self._last: tuple[Tensor, Tensor] | None = None

    def forward(self, pixels: Tensor) -> Tensor:
        """``inner(pixels)``."""
        if self._last is None or self._last[0] is not pixels:
            self._last = (pixels, self.inner(pixels))
        return self._last[1]


def set_gain(model: Any, gain: float) -> None:
    """Let a hyperprior model without context model code at this gain from now on."""
    if not isinstance(model.gaussian_conditional, ScaledConditional):
        model.gaussian_conditional = ScaledConditional(model.gaussian_conditional)
        model.g_a = Remembering(model.g_a)
    model.gaussian_conditional.gain = gain
