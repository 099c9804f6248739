"""Puts a scene into a running world by Gazebo's services: the object moved, or exchanged where its kind is another."""

from __future__ import annotations

import dataclasses
from typing import Any

from embodiedcomp_eval.gazebo.command_line import GazeboCommandLine
from embodiedcomp_eval.gazebo.objects import place
from embodiedcomp_eval.gazebo.solids import Vector, quaternion_of_rotation
from embodiedcomp_eval.gazebo.world import OBJECT, TABLE, WALL, WORLD, document, object_model, table_model, wall_model
from embodiedcomp_eval.scene import Scene, scene_of_seed

MODEL_ENTITY = 2
"""``MODEL`` of the enum gz.msgs.Entity.Type."""


class SceneServices:
    """Knows what stands in the world, so that only what differs is exchanged.

    world_seed: seed that the world was generated with. fixed_object: a kind that every scene gets instead of its own, the
    generated one too; None: each its own. pose_rate: Hz, of the object's pose.
    """

    def __init__(
        self, gazebo: GazeboCommandLine, world_seed: int, fixed_object: str | None = None, pose_rate: float = 10.0
    ) -> None:
        self._gazebo, self._fixed, self._rate = gazebo, fixed_object, pose_rate
        self._present = self.scene(world_seed)

    def scene(self, seed: int) -> Scene:
        """The scene of a seed as this world shows it."""
        scene = scene_of_seed(seed)
        return dataclasses.replace(scene, object=self._fixed) if self._fixed else scene

    def apply(self, scene: Scene) -> dict[str, Any]:
        """Make the world show ``scene``; returns it as plain values. Raises GazeboError."""
        version = self._gazebo.version
        if scene.table != self._present.table:
            self._exchange(TABLE, document(table_model(scene.table)))
        if scene.wall != self._present.wall:
            self._exchange(WALL, document(wall_model(scene.wall)))
        if scene.object != self._present.object:
            self._exchange(OBJECT, document(object_model(version, scene, self._rate)))
        else:
            self.move_object(*place(scene))
        self._present = scene
        return scene.as_dict()

    def move_object(self, position: Vector, rotation: Vector) -> None:
        """Put the object there: ``(3,)`` m, ``(3, 3)``, base frame."""
        w, x, y, z = quaternion_of_rotation(rotation)
        request = {
            "name": OBJECT,
            "position": dict(zip("xyz", map(float, position), strict=True)),
            "orientation": {"w": w, "x": x, "y": y, "z": z},
        }
        self._gazebo.call(f"/world/{WORLD}/set_pose", "Pose", "Boolean", request)

    def _exchange(self, name: str, sdf: str) -> None:
        removal = {"name": name, "type": MODEL_ENTITY}
        self._gazebo.call(f"/world/{WORLD}/remove", "Entity", "Boolean", removal)
        # The removal is carried out at the next step of physics, a millisecond; starting the next command takes longer.
        request = {"sdf": sdf, "name": name, "allow_renaming": False}
        self._gazebo.call(f"/world/{WORLD}/create", "EntityFactory", "Boolean", request)
