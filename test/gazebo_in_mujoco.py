"""The very model that goes into the SDF world, simulated by MuJoCo: links, joints, servos, table and object.

It says whether stiffness, damping, forces, masses and shapes work together, on a machine without Gazebo. Contact is another
solver's, so it proves nothing of Gazebo itself.
"""

from __future__ import annotations

import mujoco
import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.config import config_path
from embodiedcomp_eval.gazebo import arm, gripper
from embodiedcomp_eval.gazebo.arm import Joint
from embodiedcomp_eval.gazebo.objects import TABLE_TOP, THINGS, place
from embodiedcomp_eval.gazebo.solids import Solid, felt, mass_properties, quaternion_of_rotation, rotation_of_rpy
from embodiedcomp_eval.gazebo.world import FRICTION, PAD_FRICTION, STEP
from embodiedcomp_eval.scene import Scene

Vector = npt.NDArray[np.float64]
TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}


class Cell:
    """Steps as Gazebo does: force = stiffness x error, limited; damping by the integrator."""

    def __init__(self, scene: Scene) -> None:
        joints = (
            *arm.read_joints(config_path("robots", "ur5e").with_suffix(".urdf")),
            *gripper.joints(arm.LINKS[-1].name),
        )
        self._joints = [joint for joint in joints if not joint.fixed]
        spec = mujoco.MjSpec()
        spec.compiler.degree = False
        spec.option.timestep = STEP
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        spec.option.impratio = 10.0
        bodies = {arm.LINKS[0].name: spec.worldbody}
        links = {link.name: link for link in (*arm.LINKS, *gripper.LINKS)}
        for joint in joints:
            bodies[joint.child] = self._body(bodies[joint.parent], joint, links[joint.child])
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1], pos=[0, 0, TABLE_TOP], friction=[FRICTION, 0.005, 1e-4]
        )
        self._thing(spec, scene)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._qpos = np.array([int(self.model.joint(joint.name).qposadr[0]) for joint in self._joints])
        self._dof = np.array([int(self.model.joint(joint.name).dofadr[0]) for joint in self._joints])
        self._object = self.model.body("object").id

    def _body(self, parent: mujoco.MjsBody, joint: Joint, link: arm.Link) -> mujoco.MjsBody:
        turn = quaternion_of_rotation(rotation_of_rpy(joint.rpy))
        body = parent.add_body(name=joint.child, pos=list(joint.position), quat=list(turn))
        self._weigh(body, link.solids, link.mass)
        friction = PAD_FRICTION if link.name in gripper.TIPS else FRICTION
        for solid in link.solids:
            self._geom(body, solid, friction, 1)
        if not joint.fixed:
            body.add_joint(
                name=joint.name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=list(joint.axis), damping=joint.damping,
                limited=True, range=[joint.lower, joint.upper],
            )  # fmt: skip
        return body

    def _thing(self, spec: mujoco.MjSpec, scene: Scene) -> None:
        thing = THINGS[scene.object]
        position, rotation = place(scene)
        body = spec.worldbody.add_body(name="object", pos=list(position), quat=list(quaternion_of_rotation(rotation)))
        body.add_freejoint()
        self._weigh(body, thing.solids, thing.mass)
        for solid in thing.solids:
            for part in felt(solid):
                self._geom(body, part, thing.friction, 2)

    @staticmethod
    def _weigh(body: mujoco.MjsBody, solids: tuple[Solid, ...], mass: float) -> None:
        properties = mass_properties(solids, mass)
        tensor = properties.inertia
        body.mass, body.ipos = properties.mass, list(properties.center)
        body.fullinertia = [*np.diag(tensor), tensor[0, 1], tensor[0, 2], tensor[1, 2]]
        body.explicitinertial = True

    @staticmethod
    def _geom(body: mujoco.MjsBody, solid: Solid, friction: float, group: int) -> None:
        """group 1, the robot, touches group 2, the object; neither touches itself, as links of one model don't in Gazebo."""
        half = list(solid.size)
        if solid.shape == "box":
            half = [edge / 2 for edge in solid.size]
        elif solid.shape != "sphere":
            half = [solid.size[0], solid.size[1] / 2]
        body.add_geom(
            type=TYPES[solid.shape], size=[*half, 0.0, 0.0][:3], pos=list(solid.position),
            quat=list(quaternion_of_rotation(rotation_of_rpy(solid.rpy))), friction=[friction, 0.005, 1e-4],
            contype=1 if group == 1 else 3, conaffinity=0 if group == 1 else 3, condim=4,
        )  # fmt: skip

    def start(self, target: Vector) -> None:
        """Arm at ``target`` ``(7,)`` rad, at rest."""
        self.data.qpos[self._qpos] = self._expand(target)
        mujoco.mj_forward(self.model, self.data)

    def run(self, target: Vector, seconds: float) -> None:
        """Servo towards ``target`` ``(7,)`` rad for that long."""
        wanted = self._expand(target)
        stiffness = np.array([joint.stiffness for joint in self._joints])
        force = np.array([joint.force for joint in self._joints])
        for _ in range(round(seconds / STEP)):
            error = wanted - self.data.qpos[self._qpos]
            self.data.qfrc_applied[self._dof] = np.clip(stiffness * error, -force, force)
            mujoco.mj_step(self.model, self.data)

    def _expand(self, target: Vector) -> Vector:
        return np.array([*target[:6], *(gripper.RATIOS[joint.name] * target[6] for joint in self._joints[6:])])

    @property
    def joints(self) -> Vector:
        """``(7,)`` rad, gripper last."""
        names = [joint.name for joint in self._joints]
        at = self.data.qpos[self._qpos]
        return np.array([*at[:6], at[names.index(gripper.DRIVEN)]])

    @property
    def fingers(self) -> Vector:
        """``(4,)`` rad: the gripper's joints over their ratios, all equal when it moves as one."""
        at = self.data.qpos[self._qpos][6:]
        return np.array([q * gripper.RATIOS[joint.name] for q, joint in zip(at, self._joints[6:], strict=True)])

    @property
    def object_pose(self) -> tuple[Vector, Vector]:
        """Position ``(3,)`` m and quaternion ``(4,)``."""
        return self.data.xpos[self._object].copy(), self.data.xquat[self._object].copy()
