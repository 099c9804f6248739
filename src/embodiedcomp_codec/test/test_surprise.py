"""A hard cut, and predicted frames that are not worth their bits."""

from __future__ import annotations

import math

import pytest

from embodiedcomp_codec.codec import Image
from embodiedcomp_codec.quality_search import Goal
from embodiedcomp_codec.rate_control import Budget, Target
from embodiedcomp_codec.sequences import mean_square_error, panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.surprise import another_scene, too_dear

PERIOD_NS = 100_000_000
GOAL = Goal(1000, 1800)


def budget(owing: bool = False, window: float = 1.0) -> Budget:
    """With 1000 bits for the open frame."""
    account = Budget(Target(bpp=0.1), window=window, frame_period=0.1, intra=False)
    account.grant(0, 10_000)
    if owing:
        account.spend(4000, key=True)
        account.grant(PERIOD_NS, 10_000)
    return account


def test_more_is_borne_while_a_key_frame_is_repaid() -> None:
    assert not too_dear(2150, GOAL, budget()) and too_dear(2151, GOAL, budget())
    assert not too_dear(2800, GOAL, budget(owing=True)) and too_dear(2801, GOAL, budget(owing=True))


def test_another_scene_costs_four_times_its_goal_or_all_but_the_coarsest_is_too_dear() -> None:
    assert another_scene(4001, GOAL, budget(), 1.0) and not another_scene(4000, GOAL, budget(), 1.0)
    assert another_scene(2200, GOAL, budget(), 1.0, coarsest=True)
    assert not another_scene(2100, GOAL, budget(), 1.0, coarsest=True), "what is not too dear is sent"
    assert not another_scene(4001, GOAL, budget(), 0.9), "a prediction that failed"
    assert not another_scene(4001, GOAL, budget(window=0.3), 1.0), "one frame a query"


def scene(seed: int, count: int, side: int = 160) -> list[Image]:
    """A still background and something that moves before it."""
    background, thing = (panning(1, side, side, seed=s)[0] for s in (seed, seed + 100))
    frames = []
    for index in range(count):
        frame, at = background.copy(), 2 * (index % 40)
        frame[40:90, at : at + 50] = thing[:50, :50]
        frames.append(frame)
    return frames


@pytest.mark.parametrize(("codec", "target"), [("av1", 0.1), ("vp9", 0.2)])
def test_a_cut_is_shown_well_at_once(codec: str, target: float) -> None:
    encoder, decoder, quality = EncoderStream(StreamConfig(codec, target_bpp=target)), DecoderStream(), []
    for index, frame in enumerate(scene(0, 60) + scene(7, 12)):
        image = decoder.decode(encoder.encode(frame, index * PERIOD_NS).packet).image
        assert image is not None
        quality.append(10 * math.log10(255**2 / mean_square_error(frame, image)))
    before, after = quality[59], quality[60:]
    assert min(after) > before - 5, "dB: made coarse enough to be paid for as a prediction it was 12 to 16 dB worse"
