"""Frames over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_eval.evidence import TransformSeen
from embodiedcomp_eval.transforms import NotYetError, TransformError, TransformTree, rotation_matrix, slerp

UNIT = np.array([1.0, 0.0, 0.0, 0.0])


def seen(
    stamp: int, parent: str, child: str, place: list[float], turn: np.ndarray = UNIT, static: bool = False
) -> TransformSeen:
    return TransformSeen(stamp, parent, child, np.array(place, dtype=float), turn, static)


numbers = st.floats(-1, 1)
turns = st.tuples(numbers, numbers, numbers, numbers).map(np.array).filter(lambda q: np.linalg.norm(q) > 0.1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(turns, st.tuples(numbers, numbers, numbers)), min_size=4, max_size=4),
    st.tuples(numbers, numbers, numbers),
)
def test_there_and_back_again_over_two_branches(chain: list, point: tuple[float, float, float]) -> None:
    """base - a - b and base - c - d: from b to d and back is the point itself, and equals the product of matrices."""
    tree = TransformTree()
    matrices = []
    for (turn, place), (parent, child) in zip(
        chain, (("base", "a"), ("a", "b"), ("base", "c"), ("c", "d")), strict=True
    ):
        turn = turn / np.linalg.norm(turn)
        tree.add(seen(5, parent, child, list(place), turn))
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation_matrix(turn), place
        matrices.append(matrix)
    there = tree.locate(np.array(point), "b", "d", 5)
    a, b, c, d = matrices
    assert np.allclose(there, (np.linalg.inv(c @ d) @ a @ b @ np.array([*point, 1.0]))[:3], atol=1e-9)
    assert np.allclose(tree.locate(there, "d", "b", 5), point, atol=1e-9)


def test_between_two_stamps_is_interpolated_and_beyond_them_is_not() -> None:
    tree = TransformTree()
    quarter = np.array([np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)])  # about z
    tree.add(seen(100, "base", "camera", [0, 0, 1]))
    tree.add(seen(200, "base", "camera", [0, 0, 2], quarter))
    x = np.array([1.0, 0.0, 0.0])
    assert np.allclose(tree.locate(x, "camera", "base", 150), [np.sqrt(0.5), np.sqrt(0.5), 1.5])
    assert np.allclose(tree.locate(x, "camera", "base", 200), [0, 1, 2])
    with pytest.raises(NotYetError, match="behind"):
        tree.locate(x, "camera", "base", 201)
    with pytest.raises(TransformError, match="began"):
        tree.locate(x, "camera", "base", 99)
    with pytest.raises(TransformError, match="no transform from camera to map; frames that have one: camera"):
        tree.locate(x, "camera", "map", 150)
    assert np.allclose(slerp(UNIT, -UNIT, 0.5), UNIT)


def test_loops_and_old_news_do_no_harm() -> None:
    tree = TransformTree()
    tree.add(seen(1, "a", "b", [0, 0, 0]))
    tree.add(seen(1, "b", "a", [0, 0, 0]))
    with pytest.raises(TransformError, match="loop"):
        tree.locate(np.zeros(3), "a", "c", 1)
    tree = TransformTree()
    tree.add(seen(100, "base", "tool", [0, 0, 1]))
    tree.add(seen(50, "base", "tool", [0, 0, 9]))  # falls back: left out, as tf2 does
    assert tree.locate(np.zeros(3), "tool", "base", 100)[2] == 1.0
    tree.add(seen(200, "other", "tool", [0, 0, 5]))  # taken over by another parent
    with pytest.raises(TransformError, match="no transform from tool to base"):
        tree.locate(np.zeros(3), "tool", "base", 200)
