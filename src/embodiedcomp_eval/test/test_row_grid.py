"""Rows come at even times and hold what a policy would have seen and been told to do."""

from __future__ import annotations

import itertools

import numpy as np

from embodiedcomp_eval.row_grid import Command, Row, RowGrid

PERIOD = 100_000_000


def frame(number: int) -> np.ndarray:
    return np.full((2, 2, 3), number, dtype=np.uint8)


def state(value: float) -> np.ndarray:
    return np.array([value, -value])


def seen(rows: list[Row], camera: str) -> list[int]:
    return [int(row.images[camera][0, 0, 0]) for row in rows]


def run(grid: RowGrid, steps: int, lost: tuple[int, ...] = (), jitter: int = 0) -> list[Row]:
    rows = []
    for step in range(steps):
        now = step * PERIOD
        grid.add_state(now + 3, state(step))
        rows += grid.add_frame("a", now + jitter * (-1) ** step, frame(step))
        if step not in lost:
            rows += grid.add_frame("b", now, frame(100 + step))
    return rows + grid.finish()


def test_every_frame_is_a_row_whatever_the_jitter() -> None:
    for jitter in (0, PERIOD // 10):
        rows = run(RowGrid(("a", "b"), 10.0, commanded=False), 8, jitter=jitter)
        assert seen(rows, "a") == list(range(len(rows))) and len(rows) >= 7
        assert {later.stamp_ns - first.stamp_ns for first, later in itertools.pairwise(rows)} == {PERIOD}
        assert sum(row.held for row in rows) == 0


def test_a_lost_frame_is_the_one_before_it() -> None:
    rows = run(RowGrid(("a", "b"), 10.0, commanded=False), 8, lost=(3, 4))
    assert seen(rows, "b") == [100, 101, 102, 102, 102, 105, 106, 107]
    assert [row.held for row in rows] == [0, 0, 0, 1, 1, 0, 0, 0]


def test_without_commands_the_action_is_the_next_state() -> None:
    rows = run(RowGrid(("a", "b"), 10.0, commanded=False), 5)
    assert [row.state[0] for row in rows] == [0, 1, 2, 3, 4]
    assert [row.action[0] for row in rows] == [1, 2, 3, 4, 4]


def test_the_action_is_the_first_target_still_to_come() -> None:
    grid = RowGrid(("a",), 10.0, commanded=True)
    rows = []
    for step in range(8):
        now = step * PERIOD
        grid.add_state(now, state(0.5))
        if step == 2:
            times = now + PERIOD * np.arange(1, 4)
            grid.add_command(Command(now, times, np.array([[10.0, 0], [11.0, 0], [12.0, 0]])))
        rows += grid.add_frame("a", now, frame(step))
    rows += grid.finish()
    assert [row.action[0] for row in rows] == [0.5, 0.5, 10, 11, 12, 12, 12, 12]


def test_the_grid_begins_when_everything_is_known_and_anew_after_an_end() -> None:
    grid = RowGrid(("a", "b"), 10.0, commanded=False)
    rows = []
    for step in range(6):
        rows += grid.add_frame("a", step * PERIOD, frame(step))
        if step >= 2:
            grid.add_state(step * PERIOD, state(step))
        if step >= 3:
            rows += grid.add_frame("b", step * PERIOD, frame(100 + step))
    rows += grid.finish()
    assert seen(rows, "a") == [3, 4, 5] and seen(rows, "b") == [103, 104, 105]
    assert grid.finish() == []
    again = run(grid, 3)  # stamps begin at zero again
    assert seen(again, "a") == [0, 1, 2]


def test_another_rate_repeats_or_leaves_out() -> None:
    assert seen(run(RowGrid(("a",), 5.0, commanded=False), 8, lost=tuple(range(8))), "a") == [0, 2, 4, 6]
    twice = seen(run(RowGrid(("a",), 20.0, commanded=False), 4, lost=tuple(range(4))), "a")
    assert twice == [0, 0, 1, 1, 2, 2, 3]
