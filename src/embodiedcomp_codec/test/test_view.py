import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codecs.pictures import resize
from embodiedcomp_codec.view import View, ViewError, adjust, nearest, sensor_to_image, views

K = [500.0, 0.0, 319.5, 0.0, 520.0, 239.5, 0.0, 0.0, 1.0]
P = [490.0, 0.0, 321.0, -49.0, 0.0, 510.0, 238.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_the_formula() -> None:
    view = View(crop=(100, 40, 400, 300), resize=(200, 100))
    k, p = adjust(K, P, view.matrix((640, 480)))
    sx, sy = 0.5, 1 / 3
    assert k == pytest.approx(
        [500 * sx, 0, sx * (319.5 - 100 + 0.5) - 0.5, 0, 520 * sy, sy * (239.5 - 40 + 0.5) - 0.5, 0, 0, 1]
    )
    assert p == pytest.approx(
        [490 * sx, 0, sx * (321 - 100 + 0.5) - 0.5, -49 * sx, 0, 510 * sy, sy * (238 - 40 + 0.5) - 0.5, 0, 0, 0, 1, 0]
    )
    assert view.size((640, 480)) == (200, 100)


def test_the_whole_picture_keeps_its_matrices() -> None:
    view = View()
    assert view.whole and view.size((640, 480)) == (640, 480)
    assert adjust(K, P, view.matrix((640, 480))) == (K, P)


def test_not_calibrated_stays_not_calibrated() -> None:
    assert adjust([0.0] * 9, [0.0] * 12, View(resize=(10, 10)).matrix((64, 64))) == ([0.0] * 9, [0.0] * 12)


def test_a_cameras_own_region_and_binning_come_first() -> None:
    # Full sensor 1280x960; the camera sends the 640x480 around its middle, every 2x2 pixels as one.
    matrix = sensor_to_image((320, 240), (2, 2))
    k, _ = adjust([1000.0, 0, 639.5, 0, 1000.0, 479.5, 0, 0, 1], P, matrix)
    assert k == pytest.approx([500, 0, 159.5, 0, 500, 119.5, 0, 0, 1])
    assert np.array_equal(sensor_to_image((0, 0), (0, 0)), np.eye(3))


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(40, 64), st.integers(40, 64)),
    st.tuples(st.integers(30, 90), st.integers(30, 90)),
)
def test_a_point_in_the_picture_stands_where_the_matrices_put_it(
    crop: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    """A bright blob drawn where K projects a point is found, after crop and resize, where the new K projects it."""
    view, k = View(crop, size), [80.0, 0.0, 47.0, 0.0, 80.0, 47.0, 0.0, 0.0, 1.0]
    point = np.array([(crop[0] + crop[2] / 2 - 47) / 80, (crop[1] + crop[3] / 2 - 47) / 80, 1.0])
    x, y, _ = np.reshape(k, (3, 3)) @ point
    rows, columns = np.mgrid[:96, :96]
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    picture = resize(view.cut(np.repeat(blob.astype(np.uint8)[:, :, None], 3, axis=2)), size)
    weights = picture[:, :, 0].astype(float)
    rows, columns = np.mgrid[: size[1], : size[0]]
    centre = [(weights * columns).sum() / weights.sum(), (weights * rows).sum() / weights.sum()]
    expected = np.reshape(adjust(k, P, view.matrix((96, 96)))[0], (3, 3)) @ point
    assert centre == pytest.approx(expected[:2], abs=0.1)


def test_a_crop_is_no_copy_and_stays_inside() -> None:
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8)
    part = View(crop=(2, 1, 3, 4)).cut(pixels)
    assert np.array_equal(part, pixels[1:5, 2:5]) and np.shares_memory(part, pixels)
    with pytest.raises(ViewError, match=r"crop \[2, 1, 3, 4\] lies outside a picture of 4x6"):
        View(crop=(2, 1, 3, 4)).cut(pixels[:, :4])
    with pytest.raises(ViewError, match="outside"):
        View(crop=(2, 1, 3, 4)).matrix((8, 4))


def test_the_nearest_pixel_invents_no_depth() -> None:
    depth = np.random.default_rng(0).integers(0, 65536, (37, 53), dtype=np.uint16)
    for size in ((10, 10), (53, 37), (106, 74)):
        small = nearest(depth, size)
        assert small.shape == (size[1], size[0]) and np.isin(small, depth).all()
    assert np.array_equal(nearest(depth, (53, 37)), depth)
    assert np.array_equal(nearest(depth, (106, 74))[::2, ::2], depth)


@pytest.mark.parametrize(
    ("crop", "size", "words"),
    [
        ([1, 2, 3], [], r"crop \[1, 2, 3\] has 3 numbers; valid: 4, or 4 for each of 2 cameras"),
        ([-1, 0, 3, 3], [], r"crop \[-1, 0, 3, 3\] is impossible"),
        ([0, 0, 0, 3], [], "impossible"),
        ([], [0, 5], r"resize \[0, 5\] is impossible; valid: \[width, height\], each 1 to 65535"),
        ([], [5, 70000], "impossible"),
    ],
)
def test_an_impossible_view_says_why(crop: list[int], size: list[int], words: str) -> None:
    with pytest.raises(ViewError, match=words):
        views(crop, size, 2)


def test_one_for_all_or_one_for_each() -> None:
    assert views([], [], 2) == [View(), View()]
    assert views([0, 0, 4, 4], [8, 8], 2) == [View((0, 0, 4, 4), (8, 8))] * 2
    assert views([0, 0, 4, 4, 1, 1, 5, 5], [], 2) == [View((0, 0, 4, 4)), View((1, 1, 5, 5))]
