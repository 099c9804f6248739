"""Which scene a seed means: the written rule of the benchmark task ``ur5e_lift``.

One generator, ``numpy.random.default_rng(SeedSequence([SCENE_STREAM, seed]))``, is drawn from in a fixed order: object,
table, wall, x, y, yaw. Nothing else in a scene is random: object geometry, masses and frictions are constants.
Changing anything here changes every published number, so a test pins the scenes of some seeds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

OBJECTS = (
    "milk", "can", "cube", "bottle", "lemon", "bread", "cereal", "square_nut", "round_nut", "capsule", "hammer",
)  # fmt: skip
TABLES = ("ceramic", "light-wood", "dark-wood", "wood-tiles", "gray-felt")
WALLS = ("light-gray-plaster", "cream-plaster", "white-bricks", "wood-varnished-panels")

X_RANGE = (0.42, 0.62)
"""m, in front of the robot's base: the part of the table that a vertical gripper reaches with every wrist yaw."""
Y_RANGE = (-0.18, 0.18)
"""m, to the left (+) and right (-) of the robot's base."""

SCENE_STREAM = 0x5CE9E
MOVE_STREAM = 0x304ED
MOVE_STEPS = (8, 20)
"""Steps between which the object of ``ur5e_lift_moved`` is displaced: seen by the policy, not yet grasped."""
MOVE_DISTANCE = 0.08
"""m, how far it is displaced at least."""


@dataclass(frozen=True)
class Scene:
    """What varies between episodes. ``x``, ``y`` m in the robot's base frame; ``yaw`` rad about the vertical."""

    seed: int
    object: str
    table: str
    wall: str
    x: float
    y: float
    yaw: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the episode's record."""
        return asdict(self)


def scene_of_seed(seed: int) -> Scene:
    """The scene of one episode. Raises ValueError for a negative seed."""
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; seeds are integers >= 0")
    rng = np.random.default_rng(np.random.SeedSequence([SCENE_STREAM, seed]))
    return Scene(
        seed=seed,
        object=OBJECTS[int(rng.integers(len(OBJECTS)))],
        table=TABLES[int(rng.integers(len(TABLES)))],
        wall=WALLS[int(rng.integers(len(WALLS)))],
        x=float(rng.uniform(*X_RANGE)),
        y=float(rng.uniform(*Y_RANGE)),
        yaw=float(rng.uniform(-np.pi, np.pi)),
    )


@dataclass(frozen=True)
class Move:
    """Where the object lies from ``step`` on, ``x``, ``y`` m; not done to one that is ``held_above`` m over the table."""

    step: int
    x: float
    y: float
    held_above: float = 0.02


def move_of_seed(scene: Scene) -> Move:
    """The displacement of ``ur5e_lift_moved``: a generator of its own, so that both tasks begin with the same scene."""
    rng = np.random.default_rng(np.random.SeedSequence([MOVE_STREAM, scene.seed]))
    step = int(rng.integers(MOVE_STEPS[0], MOVE_STEPS[1] + 1))
    while True:
        x, y = float(rng.uniform(*X_RANGE)), float(rng.uniform(*Y_RANGE))
        if np.hypot(x - scene.x, y - scene.y) >= MOVE_DISTANCE:
            return Move(step, x, y)
