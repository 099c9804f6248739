"""The seed rule: pinned, in range, and every kind of scene reached."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.scene import (
    MOVE_DISTANCE,
    MOVE_STEPS,
    OBJECTS,
    TABLES,
    WALLS,
    X_RANGE,
    Y_RANGE,
    move_of_seed,
    scene_of_seed,
)

PINNED = [
    ("lemon", "light-wood", "white-bricks"),
    ("can", "wood-tiles", "light-gray-plaster"),
    ("lemon", "gray-felt", "white-bricks"),
]
PINNED_X = [0.427949, 0.472912, 0.526709]


def test_some_scenes_are_pinned() -> None:
    drawn = [scene_of_seed(seed) for seed in (42, 10_000, 1_000_000)]
    assert [(s.object, s.table, s.wall) for s in drawn] == PINNED
    assert [round(s.x, 6) for s in drawn] == PINNED_X


def test_the_benchmark_seeds_reach_every_object_table_and_wall_within_the_region() -> None:
    scenes = [scene_of_seed(seed) for seed in (*range(42, 142), *range(200, 700))]
    assert {s.object for s in scenes} == set(OBJECTS) and len(OBJECTS) == 11
    assert {s.table for s in scenes} == set(TABLES) and len(TABLES) == 5
    assert {s.wall for s in scenes} == set(WALLS) and len(WALLS) == 4
    assert all(X_RANGE[0] <= s.x <= X_RANGE[1] and Y_RANGE[0] <= s.y <= Y_RANGE[1] for s in scenes)
    assert min(sum(s.object == kind for s in scenes) for kind in OBJECTS) >= 30
    assert np.ptp([s.yaw for s in scenes]) > 6.0


def test_a_negative_seed_is_refused_by_value() -> None:
    with pytest.raises(ValueError, match="seed -1 is negative"):
        scene_of_seed(-1)


def test_the_moved_variant_displaces_every_object_far_enough_at_a_time_of_its_own() -> None:
    scenes = [scene_of_seed(seed) for seed in range(42, 142)]
    moves = [move_of_seed(scene) for scene in scenes]
    assert moves == [move_of_seed(scene) for scene in scenes]
    assert {m.step for m in moves} == set(range(MOVE_STEPS[0], MOVE_STEPS[1] + 1))
    for scene, move in zip(scenes, moves, strict=True):
        assert np.hypot(move.x - scene.x, move.y - scene.y) >= MOVE_DISTANCE
        assert X_RANGE[0] <= move.x <= X_RANGE[1] and Y_RANGE[0] <= move.y <= Y_RANGE[1]
