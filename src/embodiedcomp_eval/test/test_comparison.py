"""Two runs are the same if they differ in wall-clock fields alone."""

from __future__ import annotations

import pytest

from embodiedcomp_eval.comparison import differences, spread_choice

LINE = {"seed": 1, "steps": 5, "wall": {"wall_seconds": 1.0}}


def test_wall_clock_fields_may_differ() -> None:
    assert differences([LINE], [{**LINE, "wall": {"wall_seconds": 2.0}}]) == []


def test_anything_else_is_named() -> None:
    assert differences([LINE], [{**LINE, "steps": 6}]) == ["seed 1: steps is 5 and 6"]
    assert differences([LINE], [{"seed": 1, "wall": {}}]) == ["seed 1: steps is 5 and None"]
    assert differences([LINE], []) == ["1 and 0 episodes"]


@pytest.mark.parametrize(
    ("cells", "count", "chosen"),
    [
        (
            "noooo" + "cc" * 8,
            3,
            [2, 9, 17],
        ),  # uncompressed and rivals first, as in the headline: one of them, two codecs
        ("noooo" + "cc" * 8, 1, [13]),
        ("ncc", 3, [0, 1, 2]),
        ("nooo", 2, [1, 3]),
        ("nc", 5, [0, 1]),
        ("nooc", 3, [0, 2, 3]),
        ("", 3, []),
    ],
)
def test_what_is_run_again_is_spread_over_the_cells_and_codecs_are_among_it(
    cells: str, count: int, chosen: list[int]
) -> None:
    assert spread_choice([kind == "c" for kind in cells], count) == chosen
