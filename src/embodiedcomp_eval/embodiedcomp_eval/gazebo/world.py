"""The work cell as an SDF world for any release of Gazebo. World frame: the robot's base frame, as in every topic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.gazebo import arm, gripper
from embodiedcomp_eval.gazebo.objects import TABLE_TOP, THINGS, place
from embodiedcomp_eval.gazebo.sdf import (
    Element,
    element,
    group,
    inertial,
    joint,
    link,
    pose,
    shapes,
    static_model,
    visual,
)
from embodiedcomp_eval.gazebo.solids import Solid, mass_properties, rpy_of_rotation
from embodiedcomp_eval.gazebo.versions import RENDER_ENGINES, Version
from embodiedcomp_eval.layout import (
    BASE,
    BASE_EYE,
    BASE_FOV,
    BASE_TARGET,
    HOME,
    TABLE_SIZE,
    WRIST_EYE,
    WRIST_FOV,
    in_base_frame,
)
from embodiedcomp_eval.scene import OBJECTS, TABLES, WALLS, Scene

SDF_VERSION = "1.9"
"""Read by Fortress and everything after it."""
WORLD, ROBOT, OBJECT, TABLE, WALL = "ur5e_lift", "ur5e", "object", "table", "walls"
"""Names of world and models: topics and services are made of them."""
FLOOR = -BASE[2]
STEP = 0.001
"""s of physics."""
FRICTION = 1.0
PAD_FRICTION = 1.5
TABLE_COLOURS = dict(
    zip(
        TABLES,
        ((0.85, 0.84, 0.80), (0.80, 0.66, 0.48), (0.36, 0.23, 0.14), (0.62, 0.44, 0.28), (0.45, 0.46, 0.47)),
        strict=True,
    )
)
WALL_COLOURS = dict(
    zip(WALLS, ((0.78, 0.78, 0.77), (0.90, 0.86, 0.74), (0.93, 0.93, 0.92), (0.55, 0.36, 0.20)), strict=True)
)
PANELS = (
    ((-2.0, 0.0), 3.0, 0.0),
    ((-1.25, 2.25), 2.12, -np.pi / 4),
    ((-1.25, -2.25), 2.12, np.pi / 4),
    ((1.25, 3.0), 3.5, np.pi / 2),
    ((1.25, -3.0), 3.5, np.pi / 2),
    ((3.0, 0.0), 6.0, 0.0),
)
"""((x, y) m in robosuite's world frame, width m, turn rad) of the walls, 3 m high."""


@dataclass(frozen=True)
class WorldOptions:
    """What can be chosen. image_size: px. camera_rate: Hz of simulated time. real_time_factor: 0 is as fast as it goes."""

    scene: Scene
    render_engine: str = "ogre2"
    image_size: int = 256
    camera_rate: float = 10.0
    real_time_factor: float = 1.0

    def __post_init__(self) -> None:
        if self.render_engine not in RENDER_ENGINES:
            raise ConfigError(f"unknown render engine '{self.render_engine}'; there are: {', '.join(RENDER_ENGINES)}")
        for name, low, high in (("image_size", 16, 4096), ("camera_rate", 0.1, 1000), ("real_time_factor", 0, 1000)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} must be from {low} to {high}, not {value:g}")


def world_sdf(version: Version, options: WorldOptions, urdf: Path) -> str:
    """The whole file. urdf: the arm's kinematics, ``config/robots/ur5e.urdf``."""
    scene = options.scene
    world = group(
        "world",
        group(
            "physics",
            element("max_step_size", STEP),
            element("real_time_factor", options.real_time_factor),
            name="fixed_step",
            type="ignored",
        ),
        *(_plugin(version, system) for system in ("Physics", "UserCommands", "SceneBroadcaster", "Contact")),
        _plugin(version, "Sensors", element("render_engine", options.render_engine)),
        element("gravity", (0.0, 0.0, -9.81)),
        group(
            "scene",
            element("ambient", (0.45, 0.45, 0.45, 1.0)),
            element("background", (0.7, 0.7, 0.7, 1.0)),
            element("shadows", False),
        ),
        _light(),
        _floor(),
        static_model("pedestal", (Solid("box", (0.30, 0.30, BASE[2]), (0.0, 0.0, FLOOR / 2), colour=arm.DARK),)),
        table_model(scene.table),
        wall_model(scene.wall),
        _base_camera(version, options),
        _robot(version, options, urdf),
        object_model(version, scene, options.camera_rate),
        name=WORLD,
    )
    return document(world)


def document(content: Element) -> str:
    """A file that holds one world or model."""
    root = group("sdf", content, version=SDF_VERSION)
    ElementTree.indent(root)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def table_model(finish: str) -> Element:
    """The table, in one of the benchmark's finishes as an even colour. Raises ConfigError naming them."""
    if finish not in TABLE_COLOURS:
        raise ConfigError(f"unknown table '{finish}'; there are: {', '.join(TABLE_COLOURS)}")
    x, y, _ = in_base_frame((0.0, 0.0, 0.0))
    thick = TABLE_SIZE[2]
    top = Solid("box", TABLE_SIZE, (x, y, TABLE_TOP - thick / 2), colour=TABLE_COLOURS[finish])
    height = TABLE_TOP - thick - FLOOR
    legs = tuple(
        Solid("cylinder", (0.025, height), (x + 0.35 * a, y + 0.35 * b, FLOOR + height / 2), colour=arm.DARK)
        for a in (-1, 1)
        for b in (-1, 1)
    )
    return static_model(TABLE, (top, *legs), FRICTION)


def wall_model(finish: str) -> Element:
    """The walls, to be seen only. Raises ConfigError naming the finishes."""
    if finish not in WALL_COLOURS:
        raise ConfigError(f"unknown wall '{finish}'; there are: {', '.join(WALL_COLOURS)}")
    panels = []
    for (x, y), width, turn in PANELS:
        at = in_base_frame((x, y, 1.5))
        panels.append(
            Solid(
                "box", (0.02, width, 3.0), (float(at[0]), float(at[1]), float(at[2])), (0.0, 0.0, turn),
                WALL_COLOURS[finish], collides=False,
            )
        )  # fmt: skip
    return static_model(WALL, tuple(panels))


def object_model(version: Version, scene: Scene, pose_rate: float) -> Element:
    """The scene's object where the scene lets it go; it tells its pose ``pose_rate`` times a second. Raises ConfigError."""
    if scene.object not in THINGS:
        raise ConfigError(f"unknown object '{scene.object}'; there are: {', '.join(OBJECTS)}")
    thing = THINGS[scene.object]
    position, rotation = place(scene)
    body = group("link", inertial(mass_properties(thing.solids, thing.mass)), name="body")
    body.extend(shapes(thing.solids, thing.friction))
    tell = _plugin(
        version,
        "PosePublisher",
        # Fortress's own choice, and all that it knows; later releases choose others.
        element("topic", f"/model/{OBJECT}/pose"),
        element("publish_link_pose", False),
        element("publish_nested_model_pose", True),
        element("publish_model_pose", True),
        element("use_pose_vector_msg", False),
        element("update_frequency", pose_rate),
    )
    return group("model", pose(position, rpy_of_rotation(rotation)), body, tell, name=OBJECT)


def object_sdf(version: Version, scene: Scene, pose_rate: float) -> str:
    """The object alone, for a service that adds it to a running world."""
    return document(object_model(version, scene, pose_rate))


def _robot(version: Version, options: WorldOptions, urdf: Path) -> Element:
    flange = arm.LINKS[-1].name
    arm_joints, hand_joints = arm.read_joints(urdf), gripper.joints(flange)
    moving = [joint for joint in (*arm_joints, *hand_joints) if not joint.fixed]
    frames = {joint.child: joint.name for joint in (*arm_joints, *hand_joints)}
    model = group("model", name=ROBOT)
    for body in (*arm.LINKS, *gripper.LINKS):
        tip = body.name in gripper.TIPS
        more = [_touch(body.name)] if tip else []
        if body.name == flange:
            more.append(_wrist_camera(version, options))
        first = gripper.PAD if tip else "shape"
        model.append(link(body, frames.get(body.name), PAD_FRICTION if tip else FRICTION, first, *more))
    ground = group(
        "joint", element("parent", "world"), element("child", arm.LINKS[0].name), name="base_joint", type="fixed"
    )
    model.append(ground)
    model.extend(joint(of) for of in (*arm_joints, *hand_joints))
    home = dict(zip((of.name for of in arm_joints), HOME, strict=True))
    servo = [element("joint_name", of.name) for of in moving]
    servo += [element("initial_position", home.get(of.name, 0.0)) for of in moving]
    servo += [element("position_p_gain", of.stiffness) for of in moving]
    for gain in ("position_i_gain", "position_d_gain"):
        servo += [element(gain, 0.0) for _ in moving]
    servo += [element("position_cmd_min", -of.force) for of in moving]
    servo += [element("position_cmd_max", of.force) for of in moving]
    servo.append(element("topic", f"/model/{ROBOT}/joint_trajectory"))
    model.append(_plugin(version, "JointTrajectoryController", *servo))
    told = [element("joint_name", of.name) for of in moving if of.name in home or of.name == gripper.DRIVEN]
    # At every step of physics: a joint state must carry the stamp of every object pose, and the publisher of an object that
    # was added later keeps a rhythm of its own.
    model.append(
        _plugin(
            version,
            "JointStatePublisher",
            element("topic", f"/model/{ROBOT}/joint_state"),
            *told,
        )
    )
    return model


def _touch(tip: str) -> Element:
    """A sensor of what the pad touches."""
    side = "left" if "left" in tip else "right"
    contact = group("contact", element("collision", gripper.PAD), element("topic", f"/gripper/{side}_contact"))
    return group(
        "sensor", contact, element("always_on", True), element("update_rate", 100.0), name=f"{side}_touch",
        type="contact",
    )  # fmt: skip


def _wrist_camera(version: Version, options: WorldOptions) -> Element:
    # A camera of SDF looks along its x axis, z up: here along the flange's z, the flange's x up in the picture.
    turned = np.column_stack([(0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)])
    return _camera(version, options, "wrist_camera", pose(WRIST_EYE, rpy_of_rotation(turned)), WRIST_FOV)


def _base_camera(version: Version, options: WorldOptions) -> Element:
    eye, target = in_base_frame(BASE_EYE), in_base_frame(BASE_TARGET)
    x, y, z = target - eye
    rpy = (0.0, float(np.arctan2(-z, np.hypot(x, y))), float(np.arctan2(y, x)))
    camera = _camera(version, options, "base_camera", pose((0.0, 0.0, 0.0)), BASE_FOV)
    behind = Solid("box", (0.05, 0.06, 0.04), (-0.03, 0.0, 0.0), colour=arm.DARK)
    body = group("link", visual("housing", behind), camera, name="body")
    return group("model", pose(eye, rpy), element("static", True), body, name="base_camera")


def _camera(version: Version, options: WorldOptions, name: str, at: Element, fov: float) -> Element:
    size = options.image_size
    camera = group(
        "camera",
        element("horizontal_fov", float(np.radians(fov))),
        group("image", element("width", size), element("height", size), element("format", "R8G8B8")),
        group("clip", element("near", 0.01), element("far", 20.0)),
    )
    return group(
        "sensor",
        at,
        element("topic", f"/{name}/image_raw"),
        element("update_rate", options.camera_rate),
        element("always_on", True),
        element("visualize", False),
        element(version.frame_tag, name),
        camera,
        name=name,
        type="camera",
    )


def _light() -> Element:
    return group(
        "light",
        pose((0.5, 0.0, 3.0)),
        element("cast_shadows", False),
        element("diffuse", (0.6, 0.6, 0.6, 1.0)),
        element("specular", (0.1, 0.1, 0.1, 1.0)),
        element("direction", (-0.3, 0.2, -0.9)),
        name="lamp",
        type="directional",
    )


def _floor() -> Element:
    plane = group("plane", element("normal", (0.0, 0.0, 1.0)), element("size", (6.0, 6.0)))
    seen = visual("ground_visual", Solid("box", (6.0, 6.0, 0.01), (0.0, 0.0, -0.005), colour=(0.6, 0.58, 0.55)))
    felt = group("collision", group("geometry", plane), name="ground")
    return group(
        "model", pose((0.0, 0.0, FLOOR)), element("static", True), group("link", seen, felt, name="body"), name="floor"
    )


def _plugin(version: Version, system: str, *content: Element) -> Element:
    filename, name = version.plugin(system)
    return group("plugin", *content, filename=filename, name=name)
