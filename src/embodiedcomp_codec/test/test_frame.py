import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.frame import check_image, coded_side, downsample, pad, upsample
from embodiedcomp_codec.sequences import panning

sides = st.integers(1, 70)


@given(sides, sides, st.integers(1, 8))
def test_shapes_survive_the_round_trip(height: int, width: int, n: int) -> None:
    image = np.full((height, width, 3), 77, dtype=np.uint8)
    small = downsample(image, n)
    assert small.shape == (coded_side(height, n), coded_side(width, n), 3)
    back = upsample(small, n, width, height)
    # An even frame stays exactly even: weights sum to one.
    assert back.shape == image.shape and np.array_equal(back, image)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_area_average_equals_its_definition(seed: int, n: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    fine = image.repeat(n, axis=0).repeat(n, axis=1).astype(np.float64)
    means = fine.reshape(2 * n, 8, 3 * n, 8, 3).mean(axis=(1, 3))
    assert np.abs(downsample(image, n).astype(np.float64) - means).max() <= 0.5 + 1e-9


def test_finer_rate_points_keep_more() -> None:
    image = panning(1, 64, 64)[0].astype(np.float64)
    errors = [np.mean((upsample(downsample(image.astype(np.uint8), n), n, 64, 64) - image) ** 2) for n in range(1, 9)]
    assert errors[-1] == 0 and all(errors[0] > error for error in errors[1:]) and errors[1] > errors[6]


def test_a_ramp_stays_where_it_is() -> None:
    # Pixel centres match: interpolating an averaged ramp gives the ramp back, away from the borders.
    ramp = np.broadcast_to((np.arange(64) * 4).astype(np.uint8)[None, :, None], (64, 64, 3))
    back = upsample(downsample(ramp, 4), 4, 64, 64)
    assert np.abs(back[8:-8, 8:-8].astype(int) - ramp[8:-8, 8:-8]).max() <= 1


def test_padding_repeats_the_border() -> None:
    image = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    padded = pad(image, 2, 8)
    assert padded.shape == (8, 8, 3)
    assert np.array_equal(padded[:3, :5], image) and np.array_equal(padded[7, 7], image[2, 4])


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_frame_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(CodecError, match="a frame is"):
        check_image(bad)


def test_impossible_rate_points_are_refused() -> None:
    with pytest.raises(CodecError, match="downsample 9"):
        downsample(np.zeros((8, 8, 3), np.uint8), 9)


def area(image: np.ndarray, n: int) -> np.ndarray:
    """The definition, pixel by pixel: shares of the source pixels that a target pixel covers, rounded half up."""
    height, width = image.shape[0] // 8 * n, image.shape[1] // 8 * n
    shares = [
        np.clip(np.minimum((np.arange(size) + 1) * n, (t + 1) * 8) - np.maximum(np.arange(size) * n, t * 8), 0, None)
        for size, count in ((image.shape[0], height), (image.shape[1], width))
        for t in range(count)
    ]
    down, across = np.array(shares[:height]), np.array(shares[height:])
    return ((np.einsum("tr,rcx,uc->tux", down, image.astype(np.int64), across) + 32) // 64).astype(np.uint8)


def line(image: np.ndarray, n: int, width: int, height: int) -> np.ndarray:
    """The definition of the way back: linear between pixel centres, weights in sixteenths, rounded half up."""

    def taps(length: int, coded: int) -> np.ndarray:
        weights = np.zeros((length, coded), dtype=np.int64)
        for index in range(length):
            place = (2 * index + 1) * n - 8
            first, share = place // 16, place % 16
            weights[index, min(max(first, 0), coded - 1)] += 16 - share
            weights[index, min(max(first + 1, 0), coded - 1)] += share
        return weights

    both = np.einsum("tr,rcx,uc->tux", taps(height, len(image)), image.astype(np.int64), taps(width, image.shape[1]))
    return ((both + 128) // 256).astype(np.uint8)


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("size", [(16, 24), (64, 40)])
def test_both_ways_are_their_definitions_to_the_last_bit(n: int, size: tuple[int, int]) -> None:
    image = np.random.default_rng(n).integers(0, 256, (*size, 3), dtype=np.uint8)
    image[:8, :8] = 255
    small = downsample(image, n)
    assert np.array_equal(small, area(image, n))
    assert np.array_equal(upsample(small, n, size[1], size[0]), line(small, n, size[1], size[0]))
