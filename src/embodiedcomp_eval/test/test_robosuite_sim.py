"""The benchmark's simulator: seeds repeat bit for bit, joint targets are reached, frames and success mean what they say."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator

import numpy as np
import pytest

from embodiedcomp_eval.expert import TABLE
from embodiedcomp_eval.layout import HOME
from embodiedcomp_eval.scene import TABLES, WALLS, Scene, move_of_seed, scene_of_seed
from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, Simulator
from embodiedcomp_eval.simulators.robosuite_sim import RobosuiteSimulator, make
from embodiedcomp_eval.task import load_task

SEED = next(seed for seed in range(10_000, 10_100) if scene_of_seed(seed).object == "can")


@pytest.fixture(scope="module")
def simulator() -> Iterator[RobosuiteSimulator]:
    simulator = RobosuiteSimulator(settle_steps=10)
    yield simulator
    simulator.close()


def test_it_is_a_simulator(simulator: RobosuiteSimulator) -> None:
    assert isinstance(simulator, Simulator)
    assert simulator.cameras == ("base_camera", "wrist_camera") and len(simulator.joint_names) == 7


def test_a_seed_repeats_bit_for_bit_whatever_came_before(simulator: RobosuiteSimulator) -> None:
    def episode() -> tuple[bytes, bytes, bytes]:
        simulator.reset(SEED)
        target = np.array([*HOME, 0.0])
        for step in range(6):
            simulator.step(target + 0.02 * step)
        images = simulator.render()
        return (
            simulator.joint_state().positions.tobytes(),
            simulator.object_pose().position.tobytes(),
            images["base_camera"].tobytes() + images["wrist_camera"].tobytes(),
        )

    first = episode()
    simulator.reset(SEED)
    simulator.step(np.array([*HOME, 0.8]) + 0.1)
    assert episode() == first


def test_a_state_set_without_physics_is_the_same_whatever_came_before(simulator: RobosuiteSimulator) -> None:
    """Training examples would otherwise depend on which worker process made them after what."""

    def posed(where: RobosuiteSimulator) -> tuple[bytes, ...]:
        where.pose(scene_of_seed(SEED), np.array(HOME) + 0.1)
        images = where.render()
        return (
            where.joint_state().positions.tobytes(),
            where.object_pose().position.tobytes(),
            *(images[camera].tobytes() for camera in where.cameras),
        )

    simulator.reset(SEED)
    simulator.step(np.array([*HOME, 0.8]) + 0.1)
    after_an_episode = posed(simulator)
    fresh = RobosuiteSimulator(settle_steps=10)
    assert posed(fresh) == after_an_episode == posed(simulator)
    fresh.close()


def test_it_reaches_a_joint_target_and_counts_time(simulator: RobosuiteSimulator) -> None:
    simulator.reset(SEED)
    target = np.array([*HOME, 0.4]) + np.array([0.1, -0.1, 0.1, 0.1, 0.2, -0.2, 0.0])
    for _ in range(15):
        simulator.step(target)
    state = simulator.joint_state()
    np.testing.assert_allclose(state.positions[:6], target[:6], atol=np.deg2rad(0.5))
    assert abs(state.positions[6] - 0.4) < 0.05
    assert state.stamp_ns == simulator.time_ns == 15 * CONTROL_PERIOD_NS


def test_objects_rest_on_the_table(simulator: RobosuiteSimulator) -> None:
    info = simulator.reset(SEED)
    assert info["object"] == "can"
    height = info["settled_position"][2]
    assert TABLE < height < TABLE + 0.06
    np.testing.assert_allclose(info["settled_position"][:2], [info["x"], info["y"]], atol=0.005)


def test_pictures_differ_by_table_wall_and_place_and_are_the_callers_own(simulator: RobosuiteSimulator) -> None:
    pictures = []
    for table, wall, x in (
        (TABLES[0], WALLS[0], 0.5),
        (TABLES[1], WALLS[0], 0.5),
        (TABLES[0], WALLS[2], 0.5),
        (TABLES[0], WALLS[0], 0.6),
    ):
        simulator.reset_scene(Scene(0, "can", table, wall, x, 0.0, 0.0))
        pictures.append(simulator.render()["base_camera"])
    assert all(p.shape == (256, 256, 3) and p.dtype == np.uint8 and p.flags.owndata for p in pictures)
    for other in pictures[1:]:
        changed = (np.abs(pictures[0].astype(int) - other) > 12).any(axis=2).mean()
        assert changed > 0.002


@pytest.mark.parametrize("end", ["closed", "collected"])
def test_another_simulators_end_leaves_the_pictures_as_they_are(simulator: RobosuiteSimulator, end: str) -> None:
    other: RobosuiteSimulator | None = RobosuiteSimulator(settle_steps=0)
    assert other is not None
    other.reset(SEED)
    other.render()
    simulator.reset(SEED)
    before = simulator.render()["base_camera"]
    if end == "closed":
        other.close()
    del other
    gc.collect()
    assert np.array_equal(simulator.render()["base_camera"], before)


def test_using_it_before_reset_says_so() -> None:
    with pytest.raises(RuntimeError, match="reset"):
        RobosuiteSimulator().joint_state()


def test_the_moved_variant_moves_the_object_once_and_only_there() -> None:
    simulator = RobosuiteSimulator(settle_steps=10, moved=True)
    simulator.reset(SEED)
    move = move_of_seed(scene_of_seed(SEED))
    start, home = simulator.object_pose().position, np.array([*HOME, 0.0])
    for _ in range(move.step - 1):
        simulator.step(home)
    np.testing.assert_allclose(simulator.object_pose().position, start, atol=1e-3)
    simulator.step(home)
    for _ in range(3):
        simulator.step(home)
    after = simulator.object_pose().position
    np.testing.assert_allclose(after, [move.x, move.y, start[2]], atol=2e-3)
    simulator.close()


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="unknown option 'shaken'"):
        make(dataclasses.replace(load_task("ur5e_lift"), options={"shaken": True}))
