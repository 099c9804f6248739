"""Mass, centre and inertia of primitives against formulas and against a sum over many small cubes."""

from __future__ import annotations

import numpy as np
import pytest

from embodiedcomp_eval.gazebo.solids import (
    Solid,
    felt,
    lowest_point,
    mass_properties,
    own_inertia,
    quaternion_of_rotation,
    rotation_of_rpy,
    rpy_of_rotation,
    volume,
)

SHAPES = (
    Solid("box", (0.10, 0.06, 0.04)),
    Solid("cylinder", (0.03, 0.10)),
    Solid("capsule", (0.03, 0.06)),
    Solid("sphere", (0.04,)),
)


def inside(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Which of ``(N, 3)`` points lie in the solid, in its own axes."""
    x, y, z = points.T
    match solid.shape:
        case "box":
            return np.all(np.abs(points) <= np.array(solid.size) / 2, axis=1)
        case "cylinder":
            return (np.hypot(x, y) <= solid.size[0]) & (np.abs(z) <= solid.size[1] / 2)
        case "capsule":
            beyond = np.maximum(np.abs(z) - solid.size[1] / 2, 0.0)
            return x**2 + y**2 + beyond**2 <= solid.size[0] ** 2
        case "sphere":
            return np.linalg.norm(points, axis=1) <= solid.size[0]


@pytest.mark.parametrize("solid", SHAPES, ids=lambda solid: solid.shape)
def test_volume_and_moments_are_those_of_many_small_cubes(solid: Solid) -> None:
    edge = 0.002
    ticks = np.arange(-0.08, 0.08, edge) + edge / 2
    grid = np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
    points = grid[inside(solid, grid)]
    assert volume(solid) == pytest.approx(len(points) * edge**3, rel=0.02)
    squares = np.mean(points**2, axis=0)
    assert own_inertia(solid) == pytest.approx(squares.sum() - squares, rel=0.02)


def test_two_halves_weigh_as_the_whole() -> None:
    whole = mass_properties((Solid("box", (0.2, 0.1, 0.05), (0.3, 0.0, 0.1), (0.2, 0.4, -0.7)),), 2.0)
    turned = rotation_of_rpy((0.2, 0.4, -0.7))
    halves = [
        Solid("box", (0.1, 0.1, 0.05), tuple(np.array([0.3, 0.0, 0.1]) + turned @ [x, 0.0, 0.0]), (0.2, 0.4, -0.7))
        for x in (-0.05, 0.05)
    ]
    parts = mass_properties(tuple(halves), 2.0)
    assert parts.center == pytest.approx(whole.center)
    assert parts.inertia == pytest.approx(whole.inertia)


@pytest.mark.parametrize("seed", range(20))
def test_angles_come_back(seed: int) -> None:
    rpy = np.random.default_rng(seed).uniform(-1.5, 1.5, 3)
    rotation = rotation_of_rpy(rpy)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert rpy_of_rotation(rotation) == pytest.approx(rpy)
    w, x, y, z = quaternion_of_rotation(rotation)
    assert rotation[2, 1] == pytest.approx(2 * (y * z + w * x))
    assert rotation[0, 0] == pytest.approx(1 - 2 * (y * y + z * z))


@pytest.mark.parametrize("pitch", [np.pi / 2, -np.pi / 2])
def test_angles_at_the_poles(pitch: float) -> None:
    rotation = rotation_of_rpy((0.3, pitch, 0.8))
    assert rotation_of_rpy(rpy_of_rotation(rotation)) == pytest.approx(rotation, abs=1e-9)


@pytest.mark.parametrize("solid", SHAPES, ids=lambda solid: solid.shape)
def test_nothing_reaches_below_the_lowest_point(solid: Solid) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        rotation = rotation_of_rpy(rng.uniform(-3, 3, 3))
        points = rng.uniform(-0.08, 0.08, (200_000, 3))
        heights = (rotation @ points[inside(solid, points)].T)[2]
        found = lowest_point((solid,), rotation)
        assert -heights.min() <= found + 1e-9
        assert found == pytest.approx(-heights.min(), abs=0.004)


@pytest.mark.parametrize("rpy", [(0.0, 0.0, 0.0), (0.0, np.pi / 2, 0.0), (0.4, -0.3, 1.2)])
def test_a_capsule_is_felt_as_a_bar_with_flats_where_it_lies(rpy: tuple[float, float, float]) -> None:
    capsule = Solid("capsule", (0.02, 0.03), (0.01, 0.02, 0.03), rpy)
    parts = felt(capsule)
    assert {part.shape for part in parts} == {"box"} and {part.position for part in parts} == {capsule.position}
    axes = rotation_of_rpy(rpy)
    for angle in np.arange(8) * np.pi / 4:
        outward = axes @ [np.cos(angle), np.sin(angle), 0.0]
        corners = [
            rotation_of_rpy(part.rpy) @ (np.array([a, b, c]) * part.size) / 2
            for part in parts
            for a in (-1, 1)
            for b in (-1, 1)
            for c in (-1, 1)
        ]
        heights = np.array(corners) @ outward
        assert heights.max() == pytest.approx(0.02), "as far out as the capsule"
        assert np.sum(np.isclose(heights, 0.02)) >= 4, "a flat, not an edge: it does not roll"
    assert felt(Solid("box", (1.0, 1.0, 1.0))) == (Solid("box", (1.0, 1.0, 1.0)),)
