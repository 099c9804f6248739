"""Pictures of the robust training set: real codecs at the drawn rate, repeatable, and the clean picture last."""

import numpy as np
import pytest

from embodiedcomp_codec.frame import downsample, upsample
from embodiedcomp_codec.stream import DecoderStream, ReceivedFrame
from embodiedcomp_eval.training.distortions import CODECS, DOWNSAMPLE, HIGHEST, LOWEST, Clean, Distorted, _Way


def pictures(step: int = 0) -> dict[str, np.ndarray]:
    y, x = np.mgrid[:64, :64]
    base = np.stack([x * 4 - step, y * 4, (x * y + 8 * step) % 256], axis=2).clip(0, 255).astype(np.uint8)
    return {"base_camera": base, "wrist_camera": base[::-1].copy()}


def way_of_kind(kind: str) -> _Way:
    return next(w for w in (_Way(np.random.default_rng(seed)) for seed in range(500)) if w.kind == kind)


def test_clean_stores_what_the_camera_saw() -> None:
    images = pictures()
    assert Clean().of(images, 0) == [images]


def test_the_clean_picture_comes_last_and_the_others_differ_from_it() -> None:
    distorted, images = Distorted(2), pictures()
    distorted.start(7)
    sets = distorted.of(images, 0)
    assert len(sets) == 3 and sets[-1] is images
    for found in sets[:-1]:
        for camera in images:
            assert found[camera].shape == images[camera].shape and found[camera].dtype == np.uint8
            assert (found[camera] != images[camera]).any()


def test_an_episode_follows_from_its_seed() -> None:
    def episode(seed: int) -> list[np.ndarray]:
        distorted = Distorted(2)
        distorted.start(seed)
        found = [distorted.of(pictures(step), step * 500_000_000) for step in range(3)]
        return [image for sets in found for images in sets for image in images.values()]

    first, again, other = episode(3), episode(3), episode(4)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_draws_cover_every_codec_and_the_whole_range_of_rates() -> None:
    ways = [_Way(np.random.default_rng(seed)) for seed in range(400)]
    assert {way.kind for way in ways} == {*CODECS, DOWNSAMPLE}
    rates = np.array([way.bpp for way in ways])
    assert LOWEST <= rates.min() < 1.2 * LOWEST and HIGHEST / 1.2 < rates.max() <= HIGHEST
    assert {way.n for way in ways} == set(range(1, 8))
    assert 0.4 < (rates < np.sqrt(LOWEST * HIGHEST)).mean() < 0.6


@pytest.mark.parametrize("kind", CODECS)
def test_every_codec_of_the_draw_gives_pictures(kind: str) -> None:
    way = way_of_kind(kind)
    for step in range(3):
        for camera, image in way.apply(pictures(step), step * 500_000_000).items():
            assert image.shape == pictures()[camera].shape


def test_downsampling_is_the_codecs_own() -> None:
    way, images = way_of_kind(DOWNSAMPLE), pictures()
    found = way.apply(images, 0)
    assert (found["base_camera"] == upsample(downsample(images["base_camera"], way.n), way.n, 64, 64)).all()


def test_an_inter_codec_predicts_from_the_episode_and_a_new_one_starts_alone() -> None:
    """The same picture, second or first in its episode: prediction shows, and ends with the episode."""
    distorted = Distorted(1)
    seed = next(s for s in range(500) if (distorted.start(s), distorted._ways[0].kind)[1] == "av1")
    found = []
    for episode in ((40, 0), (0,), (40, 0)):
        distorted.start(seed)
        coded = [distorted.of(pictures(step), k * 500_000_000)[0]["base_camera"] for k, step in enumerate(episode)]
        found.append(coded[-1])
    assert (found[0] == found[2]).all() and (found[0] != found[1]).any()


def test_bad_use_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more, not 0"):
        Distorted(0)
    with pytest.raises(RuntimeError, match="start the episode"):
        Distorted(1).of(pictures(), 0)


def test_a_packet_that_cannot_be_decoded_costs_a_key_frame_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    way, whole = way_of_kind("hevc"), DecoderStream.decode
    way.apply(pictures(), 0)
    broken = [1]

    def decode(self: DecoderStream, packet: bytes) -> ReceivedFrame:
        return whole(self, packet[:6] if broken and broken.pop() else packet)

    monkeypatch.setattr(DecoderStream, "decode", decode)
    found = way.apply(pictures(1), 500_000_000)
    assert not broken and all(found[camera].shape == (64, 64, 3) for camera in found)
    monkeypatch.setattr(DecoderStream, "decode", lambda self, packet: whole(self, packet[:6]))
    with pytest.raises(RuntimeError, match="hevc gave no picture"):
        way.apply(pictures(2), 1_000_000_000)
