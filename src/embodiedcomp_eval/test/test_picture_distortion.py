"""Distortions do what they say, more of it at every level, and the policy inside sees nothing else."""

import itertools

import numpy as np
import pytest

from embodiedcomp_eval.distortion import mse
from embodiedcomp_eval.picture_distortion import LEVELS, UNITS, DistortedView, Distortion, conditions
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.chunking import hold_chunk
from embodiedcomp_policy.observation import Observation


def picture() -> np.ndarray:
    """Structure at every scale, 96 px, as pictures have it: a spectrum that falls as 1/f."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96)))
    frequency[0, 0] = np.inf
    planes = np.fft.ifft2(np.fft.fft2(rng.normal(size=(3, 96, 96))) / frequency).real
    return (128 + 45 * planes / planes.std()).clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy()


@pytest.mark.parametrize("kind", list(LEVELS))
def test_each_level_is_further_from_the_picture_than_the_last(kind: str) -> None:
    errors = [mse(picture(), Distortion(kind, level).apply(picture())) for level in LEVELS[kind]]
    assert errors[0] > 0 and all(a < b for a, b in itertools.pairwise(errors)), errors
    assert kind in UNITS and len(errors) == 5


def test_conditions_are_all_or_those_named_the_weakest_first() -> None:
    assert list(conditions())[:3] == ["clean", "blur-1", "blur-2"] and len(conditions()) == 16
    assert conditions(["jpeg-0", "jpeg-0.03"]) == {
        "jpeg-0.03": Distortion("jpeg", 0.03),
        "jpeg-0": Distortion("jpeg", 0.0),
    }
    assert list(conditions(["jpeg-0", "clean"])) == ["clean", "jpeg-0"]
    with pytest.raises(ValueError, match=r"unknown level 'jpeg-1'; there are: clean, blur-1, .*jpeg-0\.03"):
        conditions(["jpeg-1"])


def test_blur_is_gaussian() -> None:
    dot = np.zeros((65, 65, 3), dtype=np.uint8)
    dot[32, 32] = 255
    spread = Distortion("blur", 1.0).apply(dot)[..., 0].astype(float)
    assert spread[32, 32] == pytest.approx(255 / (2 * np.pi), abs=1) and spread[32, 33] / spread[
        32, 32
    ] == pytest.approx(np.exp(-0.5), abs=0.02)


def test_an_even_picture_stays_as_it_is() -> None:
    even = np.full((64, 64, 3), 90, dtype=np.uint8)
    for kind, levels in LEVELS.items():
        for level in levels:
            coarse = 16 if kind == "jpeg" else 0  # the coarsest table rounds a block's mean to steps of 32
            assert np.abs(Distortion(kind, level).apply(even).astype(int) - 90).max() <= coarse


class Watching:
    cameras = ("base_camera",)

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.seeds: list[int] = []

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation) -> Chunk:
        self.observations.append(observation)
        return hold_chunk(observation.stamp_ns, observation.state)


def test_the_policy_sees_the_distorted_picture_and_the_rest_untouched() -> None:
    inside = Watching()
    blur = Distortion("blur", 4.0)
    view = DistortedView(inside, blur)
    observation = Observation({"base_camera": picture()}, np.arange(7.0), "lift", 300)
    view.reset(11)
    chunk = view.act(observation)
    (seen,) = inside.observations
    assert (seen.images["base_camera"] == blur.apply(picture())).all()
    assert (seen.state is observation.state, seen.instruction, seen.stamp_ns) == (True, "lift", 300)
    assert chunk.stamp_ns == 300 and view.cameras == inside.cameras and inside.seeds == [11]
    assert [stamp for stamp, _ in view.seen] == [300]
    view.reset(12)
    assert view.seen == []


def test_without_a_distortion_the_pictures_pass() -> None:
    inside = Watching()
    observation = Observation({"base_camera": picture()}, np.zeros(7), "", 0)
    DistortedView(inside, None).act(observation)
    assert inside.observations[0].images["base_camera"] is observation.images["base_camera"]
