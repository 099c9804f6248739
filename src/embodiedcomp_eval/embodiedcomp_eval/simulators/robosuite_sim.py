"""The benchmark's own simulator: robosuite's work cell in MuJoCo, stepped by joint targets, rendered only when asked."""

from __future__ import annotations

import ctypes.util
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.layout import DROP_HEIGHT, HOME
from embodiedcomp_eval.scene import TABLES, WALLS, Move, Scene, move_of_seed, scene_of_seed
from embodiedcomp_eval.simulator import CONTROL_PERIOD_NS, JointState, Pose

SETTLE_STEPS = 50
"""Control periods that the scene rests before step 0, so that a dropped object lies still."""
REST_STEPS = 15
"""Control periods after which the open gripper's linkage is at rest."""
SUBSTEPS = 5
"""The joint target moves linearly over one control period, in this many pieces, as a trajectory controller moves it."""


def choose_renderer() -> str:
    """Set ``MUJOCO_GL`` to what this machine has, unless the user chose.

    Raises RuntimeError where neither OSMesa nor EGL is installed.
    """
    if "MUJOCO_GL" not in os.environ:
        if Path("/dev/dri").exists() and ctypes.util.find_library("EGL"):
            os.environ["MUJOCO_GL"] = "egl"
        elif ctypes.util.find_library("OSMesa"):
            os.environ["MUJOCO_GL"] = "osmesa"
        elif ctypes.util.find_library("EGL"):
            os.environ["MUJOCO_GL"] = "egl"
        else:
            raise RuntimeError(
                "no headless renderer: install OSMesa (Debian: apt-get install libosmesa6) or EGL (libegl1)"
            )
    chosen = sys.modules.get("mujoco.gl_context")
    if chosen is not None and getattr(chosen, "_MUJOCO_GL", "") != os.environ["MUJOCO_GL"]:
        importlib.reload(chosen)  # it chose when it was imported: let it choose again
    return os.environ["MUJOCO_GL"]


class RobosuiteSimulator:
    """``ur5e_lift``. See ``Simulator`` for the contract; positions and poses are in the robot's base frame."""

    def __init__(self, image_size: int = 256, settle_steps: int = SETTLE_STEPS, moved: bool = False) -> None:
        """moved: somebody displaces the object once in mid-episode (``scene.move_of_seed``), unless it is held by then."""
        choose_renderer()
        from embodiedcomp_eval.simulators import workcell

        self._cell = workcell
        self.joint_names = (*workcell.ARM_JOINTS, "robotiq_85_left_knuckle_joint")
        self.cameras = workcell.CAMERAS
        self._image_size = image_size
        self._settle_steps = settle_steps
        self._moved = moved
        self._move: Move | None = None
        self._stages: dict[str, _Stage] = {}
        self._drawn: dict[str, _Stage] = {}
        self._stage: _Stage | None = None
        self._steps = 0
        self.scene: Scene | None = None

    def reset(self, seed: int) -> dict[str, Any]:
        """Place the object of ``seed``, settle, and set time to 0."""
        return self.reset_scene(scene_of_seed(seed))

    def reset_scene(self, scene: Scene, settle: bool = True) -> dict[str, Any]:
        """The same for a scene of the caller's own."""
        self.scene = scene
        if scene.object not in self._stages:
            self._stages[scene.object] = _Stage(self._cell, scene.object, self._image_size)
        self._stage = self._stages[scene.object]
        self._stage.place(scene)
        home = np.array([*HOME, 0.0])
        for _ in range(self._settle_steps if settle else 0):
            self._stage.advance(home)
        self._steps = 0
        self._move = move_of_seed(scene) if self._moved else None
        pose = self.object_pose()
        return {**scene.as_dict(), "settled_position": [float(v) for v in pose.position]}

    @property
    def time_ns(self) -> int:
        return self._steps * CONTROL_PERIOD_NS

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        return self._active.render()

    def joint_state(self) -> JointState:
        stage = self._active
        return JointState(
            self.time_ns, stage.data.qpos[stage.joint_qpos].copy(), stage.data.qvel[stage.joint_qvel].copy()
        )

    def object_pose(self) -> Pose:
        stage = self._active
        at = stage.object_qpos
        return Pose(stage.data.qpos[at : at + 3] - stage.base, stage.data.qpos[at + 3 : at + 7].copy())

    def pose(self, scene: Scene, arm: npt.NDArray[np.float64]) -> None:
        """Put object and arm ``(6,)`` rad where they are said to be, gripper open, without physics: training only."""
        self.reset_scene(scene, settle=False)
        self._active.pose(scene, arm)

    def draw(self, kind: str, positions: npt.NDArray[np.float64], pose: Pose) -> dict[str, npt.NDArray[np.uint8]]:
        """Pictures of any state, beside the episode: arm at ``positions (7,)`` rad, an object of that kind at ``pose``.

        Table and wall are always the first ones of the benchmark.
        """
        if kind not in self._drawn:
            self._drawn[kind] = _Stage(self._cell, kind, self._image_size)
            self._drawn[kind].place(Scene(0, kind, TABLES[0], WALLS[0], 0.0, 0.0, 0.0))
        return self._drawn[kind].draw(positions, pose)

    def step(self, target: npt.NDArray[np.float64]) -> None:
        self._active.advance(target)
        self._steps += 1
        if self._move is not None and self._steps == self._move.step:
            self._active.displace(self._move)

    def close(self) -> None:
        for stage in (*self._stages.values(), *self._drawn.values()):
            stage.close()
        self._stages.clear()
        self._drawn.clear()
        self._stage = None

    @property
    def _active(self) -> _Stage:
        if self._stage is None:
            raise RuntimeError("reset() the simulator before using it")
        return self._stage


class _Stage:
    """One compiled model (one kind of object) with its data and renderer; reused for every scene of that kind."""

    def __init__(self, cell: Any, kind: str, image_size: int) -> None:
        import mujoco

        self._mj = mujoco
        self._cell = cell
        self.model = cell.build_model(kind, image_size)
        self.data = mujoco.MjData(self.model)
        model = self.model
        arm = [model.joint(f"robot0_{name}") for name in cell.ARM_JOINTS]
        finger = [model.joint(f"gripper0_right_{name}") for name in cell.FINGER_JOINTS]
        self.joint_qpos = np.array([int(j.qposadr[0]) for j in (*arm, finger[0])])
        self.joint_qvel = np.array([int(j.dofadr[0]) for j in (*arm, finger[0])])
        self._gripper_qpos = np.array(
            [int(model.joint(i).qposadr[0]) for i in range(model.njnt) if model.joint(i).name.startswith("gripper0_")]
        )
        self._open: npt.NDArray[np.float64] | None = None
        self._second_finger = int(finger[1].qposadr[0])
        self.object_qpos = int(model.joint("object_joint0").qposadr[0])
        self._object_qvel = int(model.joint("object_joint0").dofadr[0])
        self.base = model.body("robot0_base").pos.copy()
        self._bottom = cell.lowest_point(model, kind)
        self._table_geoms = [i for i in range(model.ngeom) if model.geom(i).name == "table_visual"]
        self._wall_geoms = [i for i in range(model.ngeom) if model.geom(i).name.startswith("wall_")]
        self._renderer: Any = None
        self._image_size = image_size
        self._options = mujoco.MjvOption()
        self._options.geomgroup[0] = 0  # collision shapes

    def place(self, scene: Scene) -> None:
        """Put arm and object where the scene says, at rest."""
        mj, model, data = self._mj, self.model, self.data
        mj.mj_resetData(model, data)
        # A renderer copies which texture a material has when it is made: geoms change material instead.
        model.geom_matid[self._table_geoms] = model.material(f"table-{scene.table}").id
        model.geom_matid[self._wall_geoms] = model.material(f"wall-{scene.wall}").id
        data.qpos[self.joint_qpos[:6]] = HOME
        data.qpos[self.joint_qpos[6]] = data.qpos[self._second_finger] = 0.0
        upright = np.array(self._cell.REST_ORIENTATION.get(scene.object, (1.0, 0.0, 0.0, 0.0)))
        turned = np.zeros(4)
        mj.mju_mulQuat(turned, np.array([np.cos(scene.yaw / 2), 0.0, 0.0, np.sin(scene.yaw / 2)]), upright)
        at = self.object_qpos
        data.qpos[at : at + 3] = (
            self.base[0] + scene.x,
            self.base[1] + scene.y,
            self._cell.TABLE_HEIGHT + self._bottom + DROP_HEIGHT,
        )
        data.qpos[at + 3 : at + 7] = turned
        data.ctrl[:6] = HOME
        data.ctrl[6:8] = 0.0
        mj.mj_forward(model, data)

    def pose(self, scene: Scene, arm: npt.NDArray[np.float64]) -> None:
        """Move the arm of the scene just placed without physics; the open gripper's joints are where they come to rest."""
        if self._open is None:
            # In one scene for all: what a stage did before must not show in what it does next.
            self.place(Scene(0, scene.object, TABLES[0], WALLS[0], 0.0, 0.0, 0.0))
            for _ in range(REST_STEPS):
                self.advance(np.array([*HOME, 0.0]))
            self._open = self.data.qpos[self._gripper_qpos].copy()
            self.place(scene)
        self.data.qpos[self._gripper_qpos] = self._open
        self.data.qpos[self.joint_qpos[:6]] = arm
        self.data.qvel[:] = 0.0
        self._mj.mj_forward(self.model, self.data)

    def draw(self, positions: npt.NDArray[np.float64], pose: Pose) -> dict[str, npt.NDArray[np.uint8]]:
        """Render that state; the gripper's links follow its one joint as the linkage makes them."""
        qpos, at = self.data.qpos, self.object_qpos
        qpos[self.joint_qpos[:6]] = positions[:6]
        for name, ratio in (("finger_joint", 1.0), *self._cell.FINGER_RATIOS):
            qpos[self.model.joint(f"gripper0_right_{name}").qposadr[0]] = ratio * positions[6]
        qpos[at : at + 3] = pose.position + self.base
        qpos[at + 3 : at + 7] = pose.orientation
        self._mj.mj_forward(self.model, self.data)
        return self.render()

    def displace(self, move: Move) -> None:
        """Lay the object where ``move`` says, as it lies, at rest; not if it has left its place: it is being held."""
        place = self.data.qpos[self.object_qpos : self.object_qpos + 3] - self.base
        if place[2] < move.held_above + self._cell.TABLE_HEIGHT - self.base[2] + self._bottom:
            self.data.qpos[self.object_qpos : self.object_qpos + 2] = self.base[:2] + (move.x, move.y)
            self.data.qvel[self._object_qvel : self._object_qvel + 6] = 0.0
            self._mj.mj_forward(self.model, self.data)

    def advance(self, target: npt.NDArray[np.float64]) -> None:
        start = self.data.ctrl[:7].copy()
        steps = round(CONTROL_PERIOD_NS * 1e-9 / self.model.opt.timestep) // SUBSTEPS
        for piece in range(1, SUBSTEPS + 1):
            ctrl = start + (np.asarray(target) - start) * (piece / SUBSTEPS)
            self.data.ctrl[:7] = ctrl
            self.data.ctrl[7] = ctrl[6]
            self._mj.mj_step(self.model, self.data, nstep=steps)
        self._mj.mj_forward(self.model, self.data)

    def render(self) -> dict[str, npt.NDArray[np.uint8]]:
        if self._renderer is None:
            from embodiedcomp_eval.simulators.renderer import Renderer

            self._renderer = Renderer(self.model, self._image_size, self._image_size)
            for flag in (self._mj.mjtRndFlag.mjRND_SHADOW, self._mj.mjtRndFlag.mjRND_REFLECTION):
                self._renderer.scene.flags[flag] = 0
        images = {}
        for camera in self._cell.CAMERAS:
            self._renderer.update_scene(self.data, camera=camera, scene_option=self._options)
            images[camera] = self._renderer.render().copy()
        return images

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def make(task: Any) -> RobosuiteSimulator:
    """The entry point's factory: ``task`` gives ``image_size`` (pixels), ``settle_steps`` (control periods), and the option
    ``moved`` (bool). Raises ValueError for another option.
    """
    unknown = set(task.options) - {"moved"}
    if unknown:
        raise ValueError(
            f"task {task.name}: unknown option {sorted(unknown)[0]!r} of simulator robosuite; it has: moved"
        )
    return RobosuiteSimulator(task.image_size, task.settle_steps, moved=bool(task.options.get("moved", False)))
