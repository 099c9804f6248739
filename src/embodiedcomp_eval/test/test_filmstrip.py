"""A filmstrip shows the first, the last and what lies between of an episode, each view in its row."""

import io

import numpy as np
import pytest
from PIL import Image

from embodiedcomp_eval.report.filmstrip import CAPTION, COLUMNS, SIDE, chosen, filmstrip


def test_first_and_last_are_shown_and_the_rest_evenly() -> None:
    assert chosen(0) == [] and chosen(1) == [0] and chosen(3) == [0, 1, 2]
    shown = chosen(25)
    assert len(shown) == COLUMNS and shown[0] == 0 and shown[-1] == 24
    assert max(np.diff(shown)) - min(np.diff(shown)) <= 1


def test_views_stand_where_they_belong() -> None:
    def views(base: int, wrist: int) -> dict[str, np.ndarray]:
        return {name: np.full((256, 256, 3), v, dtype=np.uint8) for name, v in (("base", base), ("wrist", wrist))}

    seen = [(k * 10**9, views(20 * k + 10, 200 - 20 * k)) for k in range(4)]
    sheet = np.asarray(Image.open(io.BytesIO(filmstrip(seen))).convert("RGB"))
    assert sheet.shape == (CAPTION + 2 * SIDE, 4 * SIDE, 3)
    for column in range(4):
        middle = column * SIDE + SIDE // 2
        assert abs(int(sheet[CAPTION + SIDE // 2, middle, 0]) - (20 * column + 10)) <= 3
        assert abs(int(sheet[CAPTION + SIDE + SIDE // 2, middle, 0]) - (200 - 20 * column)) <= 3


def test_no_query_no_strip() -> None:
    with pytest.raises(ValueError, match="without a query"):
        filmstrip([])
