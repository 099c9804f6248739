"""The sensor model: repeatable, small, different in every frame; grey is grey."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.sensor import Sensor

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
FLAT = np.full((64, 64, 3), 100, dtype=np.uint8)


def test_clean_passes_the_pixels_through() -> None:
    assert np.array_equal(Sensor().capture(IMAGE, 1, "c", 0), IMAGE)


def test_real_depends_on_seed_camera_and_stamp_alone() -> None:
    sensor = Sensor("real")
    first = sensor.capture(IMAGE, 1, "c", 5)
    sensor.capture(IMAGE, 2, "c", 6)
    assert np.array_equal(sensor.capture(IMAGE, 1, "c", 5), first)
    for other in ((2, "c", 5), (1, "d", 5), (1, "c", 6)):
        assert not np.array_equal(sensor.capture(IMAGE, *other), first)


def test_real_noise_is_that_of_a_camera() -> None:
    frames = [Sensor("real").capture(FLAT, 3, "c", stamp * 100_000_000).astype(float) for stamp in range(40)]
    within = [frame.std() for frame in frames]
    assert 2.0 < np.mean(within) < 4.0  # shot noise at grey level 100: sqrt(100 * 255 / 4000), and 1 for reading
    brightness = [frame.mean() for frame in frames]
    assert 0.5 < np.ptp(brightness) < 100 * 2 * 0.05  # exposure drifts, by a few per cent


def test_vibration_moves_a_step_edge_by_at_most_half_a_pixel() -> None:
    edge = np.zeros((16, 16, 3), dtype=np.uint8)
    edge[:, 8:] = 200
    frames = np.mean([Sensor("real").capture(edge, 0, "c", s).astype(float) for s in range(200)], axis=0)
    profile = frames[:, :, 0].mean(axis=0)
    assert profile[6] < 8 and profile[9] > 180  # two pixels away nothing moves
    assert 10 < profile[7] < 60 or 140 < profile[8] < 190


@pytest.mark.parametrize("kind", ["clean", "real"])
def test_grey_hides_everything(kind: str) -> None:
    assert np.unique(Sensor(kind, grey=True).capture(IMAGE, 1, "c", 0)).tolist() == [128]  # type: ignore[arg-type]


def test_the_source_is_not_written_to() -> None:
    before = IMAGE.copy()
    Sensor("real").capture(IMAGE, 1, "c", 0)
    assert np.array_equal(IMAGE, before)
