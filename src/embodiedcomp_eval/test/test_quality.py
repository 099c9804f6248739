"""PSNR and MS-SSIM against hand and library values; the meter compares without steering."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from embodiedcomp_eval.distortion import ms_ssim, mse, psnr
from embodiedcomp_eval.quality import QualityMeter
from embodiedcomp_eval.subscriber import FrameReceived, FrameSent
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation


def noise(seed: int, shape: tuple[int, int, int] = (192, 192, 3)) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_psnr_by_hand() -> None:
    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 10, np.uint8)
    assert psnr(mse(black, grey)) == pytest.approx(10 * math.log10(255**2 / 100))
    assert psnr(mse(black, black)) == math.inf


def test_ms_ssim_is_one_for_equals_falls_with_noise_and_is_undefined_for_small_pictures() -> None:
    picture = noise(0)
    assert ms_ssim(picture, picture) == pytest.approx(1.0)
    steps = [np.clip(picture.astype(int) + k * (noise(1).astype(int) - 128) // 128, 0, 255) for k in (5, 40, 120)]
    values = [ms_ssim(step.astype(np.uint8), picture) for step in steps]
    assert 1.0 > values[0] > values[1] > values[2] > 0
    assert math.isnan(ms_ssim(picture[:100], picture[:100]))


def test_ms_ssim_matches_the_library_that_codec_papers_use() -> None:
    import pytorch_msssim
    import torch

    rows, columns = np.mgrid[0:256, 0:256]
    picture = np.stack([128 + 100 * np.sin(rows / (5 + 3 * c)) * np.cos(columns / 9) for c in range(3)], -1).astype(
        np.uint8
    )
    other = np.clip(picture + np.random.default_rng(2).normal(0, 20, picture.shape), 0, 255).astype(np.uint8)
    tensors = [torch.tensor(p.astype(np.float32)).permute(2, 0, 1)[None] for p in (other, picture)]
    assert ms_ssim(other, picture) == pytest.approx(float(pytorch_msssim.ms_ssim(*tensors, data_range=255)), abs=2e-4)


class BrightnessPolicy:
    """Answers with the mean brightness as every joint's target, and remembers how often it was asked."""

    cameras = ("camera",)

    def __init__(self) -> None:
        self.asked = 0

    def reset(self, seed: int) -> None:
        self.asked = 0

    def act(self, observation: Observation) -> Chunk:
        self.asked += 1
        value = float(observation.images["camera"].mean())
        return Chunk(observation.stamp_ns, np.array([1, 2]), np.full((2, 7), value))


def test_the_meter_compares_answers_to_source_and_decoded_pictures() -> None:
    policy, shadow = BrightnessPolicy(), BrightnessPolicy()
    meter = QualityMeter(shadow)
    watched = meter.watch(policy)
    watched.reset(1)
    meter.reset(1, {}, np.zeros(7), 0.0)
    source, decoded = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 97, np.uint8)
    meter.sent(FrameSent("camera", 5, b"", True, False, False, 0.0, source))
    meter.received(FrameReceived("camera", 5, False, 0.0, decoded))
    chunk = watched.act(Observation({"camera": decoded}, np.zeros(7), "", 5))
    assert np.all(chunk.positions == 97), "the arm is driven by what was decoded"
    found = meter.result()
    assert found["action_error"] == pytest.approx(3.0)
    assert found["psnr"] == pytest.approx(10 * math.log10(255**2 / 9))
    assert found["ms_ssim"] is None
    assert (policy.asked, shadow.asked) == (1, 1)
    meter.reset(2, {}, np.zeros(7), 0.0)
    assert meter.result() == {"psnr": None, "ms_ssim": None, "action_error": None}


def test_a_lost_frame_has_no_quality() -> None:
    meter = QualityMeter(BrightnessPolicy())
    meter.sent(FrameSent("camera", 5, b"", True, False, False, 0.0, noise(0)))
    meter.received(FrameReceived("camera", 5, True, 0.0, None))
    assert meter.result()["psnr"] is None
