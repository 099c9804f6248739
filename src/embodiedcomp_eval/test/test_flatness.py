"""Growth is seen, noise is not growth."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.flatness import flatness


def test_noise_is_flat_and_a_leak_of_a_hundred_bytes_a_frame_is_not() -> None:
    frames = list(range(10_000, 100_001, 1_000))
    noise = np.random.default_rng(0).normal(80.0, 0.3, len(frames))
    still = flatness(frames, list(noise))
    assert still.flat and abs(still.bytes_per_frame) < 10
    leak = flatness(frames, [held + 100 * count / 2**20 for count, held in zip(frames, noise)])
    assert not leak.flat and leak.bytes_per_frame == pytest.approx(100, rel=0.1)
    assert leak.growth == pytest.approx(100 * 67_500 / 2**20, rel=0.1)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="3 samples"):
        flatness([1, 2, 3], [1.0, 1.0, 1.0])
