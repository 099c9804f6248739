import numpy as np
import pytest

from embodiedcomp_codec.codecs.pyav import HEVC
from embodiedcomp_codec.sequences import panning


@pytest.mark.parametrize(("width", "height"), [(32, 32), (64, 64), (64, 128), (16, 32), (128, 32)])
def test_pictures_one_block_wide_or_high_give_the_same_bytes_whatever_lies_in_memory(width: int, height: int) -> None:
    rng = np.random.default_rng(0)
    frames = panning(30, height, width, seed=3)
    qualities = [0.6, *rng.uniform(0.2, 0.9, len(frames) - 1)]
    streams = set()
    for _ in range(6):
        litter = [np.full(size, 255, np.uint8) for size in rng.integers(1_000, 400_000, 20)]
        del litter[::2]
        encoder = HEVC.encoder(width, height, "inter")
        streams.add(
            b"".join(encoder.encode(*each).data for each in zip(frames, qualities, [True] + 29 * [False], strict=True))
        )
    assert len(streams) == 1
