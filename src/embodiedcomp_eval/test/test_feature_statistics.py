"""Statistics from counts are those of the pictures themselves."""

from __future__ import annotations

import numpy as np

from embodiedcomp_eval.feature_statistics import QUANTILES, PictureCounts, name_of, of_vectors


def test_pictures_by_counts() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(10, 200, (5, 16, 20, 3), dtype=np.uint8)
    first, second = PictureCounts(), PictureCounts()
    for index, picture in enumerate(pictures):
        (first if index < 3 else second).add(picture)
    first.merge(second)
    found = first.statistics()
    levels = pictures.reshape(-1, 3) / 255
    for name, expected in (
        ("min", levels.min(0)), ("max", levels.max(0)), ("mean", levels.mean(0)), ("std", levels.std(0)),
        *((name_of(q), np.quantile(levels, q, axis=0, method="inverted_cdf")) for q in QUANTILES),
    ):  # fmt: skip
        assert found[name].shape == (3, 1, 1)
        assert np.allclose(found[name].reshape(3), expected), name
    assert found["count"].tolist() == [5]


def test_vectors() -> None:
    rows = [np.array([1.0, -1.0]), np.array([3.0, -5.0])]
    found = of_vectors(rows)
    assert found["mean"].tolist() == [2.0, -3.0] and found["std"].tolist() == [1.0, 2.0]
    assert found["q50"].tolist() == [2.0, -3.0] and found["count"].tolist() == [2]
