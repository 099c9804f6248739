"""How much a frame differs from the ones before."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.motion import Motion
from embodiedcomp_codec.sequences import panning

FRAMES = panning(12, 64, 96)


def after(frames: list[Image]) -> Motion:
    motion = Motion()
    for frame in frames:
        motion.see(frame)
    return motion


def test_growth_and_stillness() -> None:
    assert after(FRAMES[:6]).growth == pytest.approx(0.0, abs=0.3) and after(FRAMES[:6]).moving
    still = after([*FRAMES[:6], FRAMES[5], FRAMES[5]])
    assert still.still and not still.moving and still.leap < 0


@pytest.mark.parametrize("pause", [1, 3])
def test_what_stops_and_goes_on_grows_but_makes_no_leap(pause: int) -> None:
    motion = after([*FRAMES[:6], *[FRAMES[5]] * pause, FRAMES[6]])
    assert motion.growth > 1 and motion.leap < 1


def test_another_scene_and_one_that_wakes_after_a_long_rest_leap() -> None:
    crawling = [np.roll(FRAMES[0], index // 4, axis=1) for index in range(12)]
    assert after([*crawling, 255 - FRAMES[0]]).leap > 1
    assert after([*FRAMES[:6], *[FRAMES[5]] * 40, FRAMES[6]]).leap > 1


def test_another_size_begins_anew() -> None:
    motion = after([*FRAMES[:6], FRAMES[6][:32]])
    assert motion.leap == motion.growth == 0.0 and not motion.moving
