"""Growth is seen, noise is not growth."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.flatness import flatness, warmed_up


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


def test_a_saw_is_flat_unless_its_floor_rises_and_warming_up_does_not_count() -> None:
    frames = list(range(1_000, 100_001, 1_000))
    saw = [80.0 + number % 7 + (50 if number < 9 else 0) for number in range(100)]
    assert warmed_up(frames, saw).flat and warmed_up(frames, saw).highest == 86.0
    assert not warmed_up(frames, [held + 0.06 * number for number, held in enumerate(saw)]).flat
