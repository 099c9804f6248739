"""The work cell of ``ur5e_lift`` as a MuJoCo model: robosuite's UR5e, Robotiq 85 gripper, table arena and objects.

robosuite composes the scene; what this module changes afterwards is listed in ``docs/rendering.md``:
position actuators with gravity compensation instead of torque motors (commands are joint targets, as on a real arm),
visual meshes simplified, no reflections, two cameras of our own, textures chosen by the scene.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import fast_simplification
import mujoco
import numpy as np

from embodiedcomp_eval.layout import (
    BASE_EYE,
    BASE_FOV,
    BASE_TARGET,
    REST_ORIENTATION,
    TABLE_HEIGHT,
    TABLE_SIZE,
    WRIST_EYE,
    WRIST_FOV,
)
from embodiedcomp_eval.scene import TABLES, WALLS

FACES_KEPT = 0.06
"""Share of a visual mesh's triangles that survives simplification (meshes below MIN_FACES stay as they are)."""
MIN_FACES = 400
TEXTURE_SIDE = 512
CAMERAS = ("base_camera", "wrist_camera")
ARM_JOINTS = (
    "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
)  # fmt: skip
FINGER_JOINTS = ("finger_joint", "right_outer_knuckle_joint")
FINGER_RATIOS = (
    ("left_inner_finger_joint", -1.0),
    ("left_inner_knuckle_joint", 1.0),
    ("right_outer_knuckle_joint", 1.0),
    ("right_inner_finger_joint", -1.0),
    ("right_inner_knuckle_joint", 1.0),
)
"""Angle of the gripper's other joints over that of ``finger_joint``: the mimic ratios of the maker's URDF."""
ARM_GAINS = ((4000.0, 300.0),) * 3 + ((1200.0, 60.0),) * 3
"""(kp N m/rad, kv N m s/rad) of each arm joint's position servo."""
WRIST_QUATERNION = [0.0, 0.7071068, 0.7071068, 0.0]
"""The wrist camera in the frame of the flange, as MuJoCo's cameras look: along the fingers."""
GRIPPER_KP = 20.0  # N m/rad, as robosuite's Robotiq model


def make_object(kind: str) -> Any:
    """The robosuite object of that kind, with fixed geometry (several of them would seed themselves otherwise)."""
    from robosuite.models import objects as ro

    match kind:
        case "milk":
            return ro.MilkObject(name="object")
        case "can":
            return ro.CanObject(name="object")
        case "bottle":
            return ro.BottleObject(name="object")
        case "lemon":
            return ro.LemonObject(name="object")
        case "bread":
            return ro.BreadObject(name="object")
        case "cereal":
            return ro.CerealObject(name="object")
        case "square_nut":
            return ro.SquareNutObject(name="object")
        case "round_nut":
            return ro.RoundNutObject(name="object")
        case "cube":
            return ro.BoxObject(name="object", size=[0.022, 0.022, 0.022], rgba=[0.8, 0.1, 0.1, 1], density=200)
        case "capsule":
            return ro.CapsuleObject(name="object", size=[0.022, 0.025], rgba=[0.1, 0.3, 0.8, 1], density=200)
        case "hammer":
            return ro.HammerObject(
                name="object", handle_radius=[0.016, 0.016], handle_length=[0.15, 0.15],
                handle_density=[150, 150], handle_friction=[3.0, 3.0], rng=np.random.default_rng(0),
            )  # fmt: skip
    raise ValueError(f"unknown object '{kind}'")


def import_quietly() -> None:
    """Import robosuite without its five warnings about optional parts that nothing here uses."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        import robosuite  # noqa: F401
    finally:
        logging.disable(before)


def build_model(kind: str, image_size: int = 256) -> mujoco.MjModel:
    """Compile the work cell with one object of that kind. Deterministic: the same call gives the same model."""
    import_quietly()
    from robosuite.models.arenas import TableArena
    from robosuite.models.bases import RethinkMount
    from robosuite.models.grippers import Robotiq85Gripper
    from robosuite.models.robots.manipulators import UR5e
    from robosuite.models.tasks import ManipulationTask

    robot = UR5e(idn=0)
    robot.add_base(RethinkMount(idn=0))
    robot.add_gripper(Robotiq85Gripper(idn="0_right"))
    robot.set_base_xpos(robot.base_xpos_offset["table"](0.8))
    arena = TableArena(table_full_size=TABLE_SIZE, table_offset=(0, 0, TABLE_HEIGHT))
    arena.set_origin([0, 0, 0])
    task = ManipulationTask(mujoco_arena=arena, mujoco_robots=[robot], mujoco_objects=[make_object(kind)])
    spec = mujoco.MjSpec.from_string(task.get_xml())
    _simplify_meshes(spec)
    _servo_joints(spec)
    _dress(spec)
    _place_cameras(spec, image_size)
    return spec.compile()


def object_body(model: mujoco.MjModel) -> int:
    """Id of the body that carries the object's free joint."""
    return int(model.joint("object_joint0").bodyid[0])


def lowest_point(model: mujoco.MjModel, kind: str) -> float:
    """m, how far the object of that kind reaches below its origin when it lies as it is placed."""
    body = object_body(model)
    rest = np.zeros(9)
    mujoco.mju_quat2Mat(rest, np.array(REST_ORIENTATION.get(kind, (1.0, 0.0, 0.0, 0.0))))
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1)
    lowest = 0.0
    for geom in range(model.ngeom):
        if model.geom_bodyid[geom] != body or not model.geom_contype[geom]:
            continue
        local = np.zeros(9)
        mujoco.mju_quat2Mat(local, model.geom_quat[geom])
        box = model.geom_aabb[geom, :3, None] + model.geom_aabb[geom, 3:, None] * corners
        in_body = local.reshape(3, 3) @ box + model.geom_pos[geom][:, None]
        lowest = min(lowest, float((rest.reshape(3, 3) @ in_body)[2].min()))
    return -lowest


def _simplify_meshes(spec: Any) -> None:
    """Replace each large visual mesh by a quadric-decimated one; collision meshes are untouched."""
    visual = {g.meshname for g in spec.geoms if g.meshname and g.contype == 0 and g.conaffinity == 0}
    colliding = {g.meshname for g in spec.geoms if g.meshname and (g.contype or g.conaffinity)}
    for mesh in list(spec.meshes):
        if mesh.name not in visual - colliding:
            continue
        single = mujoco.MjSpec()
        copy = single.add_mesh(name="m", file=mesh.file, scale=mesh.scale)
        copy.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
        single.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="m")
        model = single.compile()
        faces = np.array(model.mesh_face, dtype=np.int32)
        if len(faces) < MIN_FACES:
            continue
        # The compiler recentres a mesh; undo it so that the vertices are the file's own.
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.mesh_quat[0])
        vertices = np.array(model.mesh_vert, dtype=np.float64) @ rotation.reshape(3, 3).T + model.mesh_pos[0]
        # Files split a vertex wherever its normal jumps; unless welded, such a mesh falls apart when simplified.
        welded, index = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
        faces = index.reshape(-1)[faces].astype(np.int32)
        faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
        keep = max(FACES_KEPT, min(1.0, MIN_FACES / len(faces)))
        points, triangles = fast_simplification.simplify(
            welded.astype(np.float32), faces, target_reduction=1 - keep, agg=3
        )
        mesh.file = ""
        mesh.scale = [1, 1, 1]
        mesh.uservert = points.astype(np.float32).ravel()
        mesh.userface = triangles.astype(np.int32).ravel()
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _servo_joints(spec: Any) -> None:
    """Position servos with gravity compensation on the arm; the gripper keeps robosuite's own."""
    for actuator in list(spec.actuators):
        spec.delete(actuator)
    for name, (kp, kv) in zip(ARM_JOINTS, ARM_GAINS, strict=True):
        servo = spec.add_actuator(name=name, target=f"robot0_{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=kp, kv=kv)
        limit = 150.0 if kp > 2000 else 28.0  # N m, UR5e data sheet
        servo.forcelimited, servo.forcerange = True, [-limit, limit]
    for name in FINGER_JOINTS:
        servo = spec.add_actuator(name=name, target=f"gripper0_right_{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=GRIPPER_KP)
        servo.ctrllimited, servo.ctrlrange = True, [0, 0.8]
    _couple_fingers(spec)
    for body in spec.bodies:
        if body.name.startswith(("robot0_", "gripper0_")):
            body.gravcomp = 1.0


def _couple_fingers(spec: Any) -> None:
    """Hold the gripper's four-bar linkage by joint equalities, the mimic ratios of the maker's URDF.

    robosuite couples the links by a weak tendon spring, which lets a finger fold over when the arm moves fast.
    """
    for tendon in list(spec.tendons):
        spec.delete(tendon)
    prefix = "gripper0_right_"
    for joint, ratio in FINGER_RATIOS:
        coupling = spec.add_equality(
            type=mujoco.mjtEq.mjEQ_JOINT,
            name1=prefix + joint,
            name2=f"{prefix}finger_joint",
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
        )
        coupling.data[:5] = [0.0, ratio, 0.0, 0.0, 0.0]
        coupling.solref = [0.004, 1.0]


def _dress(spec: Any) -> None:
    """Every table and wall of the benchmark as a material of one model (a scene picks by id), and no reflections."""
    import robosuite

    folder = Path(robosuite.__file__).parent / "models/assets/textures"
    kinds = {
        "table": (TABLES, mujoco.mjtTexture.mjTEXTURE_CUBE, "table_ceramic"),
        "wall": (WALLS, mujoco.mjtTexture.mjTEXTURE_2D, "walls_mat"),
    }
    for role, (names, kind, pattern) in kinds.items():
        finish = spec.material(pattern)
        for name in names:
            spec.add_texture(name=f"{role}-{name}", type=kind, file=str(folder / f"{name}.png"))
            textures = [""] * len(finish.textures)
            textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = f"{role}-{name}"
            spec.add_material(
                name=f"{role}-{name}", textures=textures, texrepeat=finish.texrepeat, texuniform=finish.texuniform,
                specular=finish.specular, shininess=finish.shininess,
            )  # fmt: skip
    for texture in spec.textures:
        if texture.file:
            _shrink(texture)
    for material in spec.materials:
        material.reflectance = 0.0


def _shrink(texture: Any) -> None:
    """At most TEXTURE_SIDE texels a side: six faces of a 1181-texel cube map cost 44 MB each, and no pixel shows them."""
    from PIL import Image

    with Image.open(texture.file) as picture:
        scale = min(1.0, TEXTURE_SIDE / max(picture.size))
        size = (round(picture.width * scale), round(picture.height * scale))
        texels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    texture.file = ""
    texture.width, texture.height, texture.nchannel = size[0], size[1], 3
    texture.data = np.ascontiguousarray(texels).tobytes()


def _look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> list[float]:
    """Quaternion (w, x, y, z) of a camera at ``eye`` whose optical axis meets ``target``, world z up in the picture."""
    back = np.subtract(eye, target)
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right = right / np.linalg.norm(right)
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.column_stack([right, np.cross(back, right), back]).ravel())
    return [float(v) for v in quaternion]


def _place_cameras(spec: Any, image_size: int) -> None:
    """The base view looks at the table from the front, the wrist view past the fingers."""
    for camera in list(spec.cameras):
        spec.delete(camera)
    for name, body, pos, quat, fovy in (
        ("base_camera", spec.worldbody, BASE_EYE, _look_at(BASE_EYE, BASE_TARGET), BASE_FOV),
        ("wrist_camera", spec.body("robot0_right_hand"), WRIST_EYE, WRIST_QUATERNION, WRIST_FOV),
    ):
        body.add_camera(name=name, pos=pos, quat=quat, fovy=fovy)
    spec.visual.headlight.diffuse = [0.2, 0.2, 0.2]
    for light in spec.lights:
        light.diffuse = [0.55, 0.55, 0.55]
    for site in spec.sites:
        site.rgba = [0, 0, 0, 0]
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.visual.global_.offwidth = spec.visual.global_.offheight = image_size
