"""Collect imitation examples: the expert labels states that it, a disturbed copy of it, or a learned policy gets into."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.expert import FINGER_CLEARANCE, TABLE, goal_of, plan
from embodiedcomp_eval.expert_policy import rotation_of
from embodiedcomp_eval.layout import HOME
from embodiedcomp_eval.scene import scene_of_seed
from embodiedcomp_eval.training.distortions import Clean, Images, Variants
from embodiedcomp_policy.kinematics import Arm
from embodiedcomp_policy.training.examples import HORIZON, Examples, halve
from embodiedcomp_policy.vertical import joints_of, tool_of

Vector = npt.NDArray[np.float64]

STEPS = 90
"""Longest demonstration, control periods."""
LIFTED = 0.16
"""m: past the benchmark's 0.12, so that the policy learns to keep rising."""


class Driver(Protocol):
    """What drives the arm between labels, given images and state: a learned policy under correction."""

    def __call__(self, images: Images, state: Vector, stamp_ns: int) -> Vector:
        """-> joint targets ``(T, J)`` rad."""
        ...


class Recorder:
    """Gathers labelled states of one episode after the other. variants: which pictures of each state are stored."""

    def __init__(self, simulator: Any, arm: Arm, variants: Variants | None = None) -> None:
        self._sim = simulator
        self._arm = arm
        self._variants = variants or Clean()
        self._rows: list[tuple[Any, ...]] = []

    def start(self, seed: int) -> None:
        """A new episode begins."""
        self._variants.start(seed)

    def label(self, seed: int) -> tuple[Images, Vector, Vector]:
        """Render, store what the expert would do here, and return the first variant's images, state and poses ``(T, 5)``."""
        pictures = self._variants.of(self._sim.render(), self._sim.time_ns)
        state = self._sim.joint_state().positions
        pose = self._sim.object_pose()
        rotation = rotation_of(pose.orientation)
        tool = tool_of(self._arm, state[:6])
        poses = plan(self._sim.scene.object, pose.position, rotation, tool, float(state[6]), HORIZON)
        goal = goal_of(self._sim.scene.object, pose.position, rotation, tool)
        grasp = np.array([*goal.position, goal.yaw])
        for images in pictures:
            views = halve(images["base_camera"]), halve(images["wrist_camera"])
            self._rows.append((*views, state, tool, poses, grasp, seed))
        return pictures[0], state, poses

    def take(self) -> Examples:
        """Everything gathered so far, and start anew."""
        columns = list(zip(*self._rows, strict=True))
        self._rows = []
        return Examples(
            base=np.stack(columns[0]), wrist=np.stack(columns[1]),
            state=np.array(columns[2], dtype=np.float32), tool=np.array(columns[3], dtype=np.float32),
            plan=np.array(columns[4], dtype=np.float32), goal=np.array(columns[5], dtype=np.float32),
            episode=np.array(columns[6], dtype=np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._rows)


def demonstrate(simulator: Any, arm: Arm, recorder: Recorder, seed: int) -> bool:
    """One disturbed demonstration; returns whether it ended in a lift.

    Half the episodes start somewhere else over the table than home, and now and then the arm is led astray by up to
    3 cm and 20 degrees, so that the examples show how to come back.
    """
    rng = np.random.default_rng(np.random.SeedSequence([0xDE30, seed]))
    simulator.reset(seed)
    recorder.start(seed)
    start = float(simulator.object_pose().position[2])
    if rng.random() < 0.4:
        _go_somewhere(simulator, arm, rng)
    step = 0
    while step < STEPS:
        _, state, poses = recorder.label(seed)
        steps = int(rng.integers(3, 8))
        if rng.random() < 0.35:
            poses = poses.copy()
            ramp = np.linspace(0, 1, len(poses))[:, None] * (12 / steps)
            poses[:, :3] += ramp * rng.normal(0, [0.015, 0.015, 0.008])
            poses[:, 3] += ramp[:, 0] * rng.normal(0, 0.15)
            poses[:, 2] = np.maximum(poses[:, 2], TABLE + 0.02)
        targets = joints_of(arm, state[:6], poses)
        for target in targets[:steps]:
            simulator.step(target)
        step += steps
        if simulator.object_pose().position[2] - start > LIFTED:
            return True
    return False


def glimpse(simulator: Any, arm: Arm, recorder: Recorder, seed: int) -> None:
    """One labelled state of an approach, set without physics: cheap, and every one another scene.

    The tool is somewhere on the straight way from a start (home, or anywhere over the table) to the grasp, off it by
    some centimetres, the less the lower.
    """
    rng = np.random.default_rng(np.random.SeedSequence([0x611A, seed]))
    scene = scene_of_seed(seed)
    simulator.pose(scene, np.array(HOME))
    pose = simulator.object_pose()
    home = tool_of(arm, np.array(HOME))
    start = home if rng.random() < 0.5 else _anywhere(rng)
    goal = goal_of(scene.object, pose.position, rotation_of(pose.orientation), start)
    end = np.array([*goal.position, goal.yaw])
    share = 1.0 - rng.random() ** 1.5
    tool = start + share * (end - start)
    tool[2] = start[2] + share**1.3 * (end[2] - start[2])
    tool += rng.normal(0, 1, 4) * np.array([0.02, 0.02, 0.01, 0.2]) * (0.25 + 0.75 * (1 - share))
    tool[2] = max(tool[2], TABLE + FINGER_CLEARANCE)
    simulator.pose(scene, joints_of(arm, np.array(HOME), np.linspace([*home, 0.0], [*tool, 0.0], 6)[1:])[-1, :6])
    recorder.start(seed)
    recorder.label(seed)


def correct(simulator: Any, recorder: Recorder, driver: Driver, seed: int, replan: int = 10) -> bool:
    """One DAgger episode: the learned policy drives, the expert labels what it gets into, in mid-chunk too."""
    simulator.reset(seed)
    recorder.start(seed)
    start = float(simulator.object_pose().position[2])
    for _ in range(STEPS * 2 // replan):
        images, state, _ = recorder.label(seed)
        targets = driver(images, state, simulator.time_ns)
        for index, target in enumerate(targets[:replan]):
            if index == replan // 2:
                recorder.label(seed)
            simulator.step(target)
        pose = simulator.object_pose().position
        if pose[2] - start > LIFTED:
            return True
        if pose[2] < TABLE - 0.05:
            return False
    return False


def _go_somewhere(simulator: Any, arm: Arm, rng: np.random.Generator) -> None:
    """Move the open gripper to a random vertical pose over the table, clear of the object's top."""
    state = simulator.joint_state().positions
    tool = tool_of(arm, state[:6])
    path = np.linspace([*tool, 0.0], [*_anywhere(rng), 0.0], 26)[1:]
    for target in joints_of(arm, state[:6], path):
        simulator.step(target)


def _anywhere(rng: np.random.Generator) -> Vector:
    """A tool pose ``(4,)`` over the table, clear of any object's top."""
    return np.array(
        [rng.uniform(0.36, 0.66), rng.uniform(-0.24, 0.24), rng.uniform(0.06, 0.26), rng.uniform(-1.4, 1.4)]
    )
