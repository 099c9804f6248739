"""Two runs are the same if they differ in wall-clock fields alone."""

from __future__ import annotations

from embodiedcomp_eval.comparison import differences

LINE = {"seed": 1, "steps": 5, "wall": {"wall_seconds": 1.0}}


def test_wall_clock_fields_may_differ() -> None:
    assert differences([LINE], [{**LINE, "wall": {"wall_seconds": 2.0}}]) == []


def test_anything_else_is_named() -> None:
    assert differences([LINE], [{**LINE, "steps": 6}]) == ["seed 1: steps is 5 and 6"]
    assert differences([LINE], [{"seed": 1, "wall": {}}]) == ["seed 1: steps is 5 and None"]
    assert differences([LINE], []) == ["1 and 0 episodes"]
