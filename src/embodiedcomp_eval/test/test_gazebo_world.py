"""The SDF world against what it is made from: kinematics, gripper, weights, names of plug-ins; and Debian's parser."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest

from embodiedcomp_eval.config import ConfigError, config_path
from embodiedcomp_eval.expert import GRASPS
from embodiedcomp_eval.gazebo import arm as ur5e
from embodiedcomp_eval.gazebo import gripper
from embodiedcomp_eval.gazebo.bridge import ENTRIES, OBJECT_POSE
from embodiedcomp_eval.gazebo.objects import TABLE_TOP, THINGS, place
from embodiedcomp_eval.gazebo.solids import lowest_point, rotation_of_rpy
from embodiedcomp_eval.gazebo.versions import VERSIONS, find_version
from embodiedcomp_eval.gazebo.world import WorldOptions, object_sdf, world_sdf
from embodiedcomp_eval.layout import BASE_FOV, DROP_HEIGHT, HOME, WRIST_FOV
from embodiedcomp_eval.scene import OBJECTS, scene_of_seed
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot

URDF = config_path("robots", "ur5e").with_suffix(".urdf")
SEED = 10_000


def world(version: str = "harmonic", kind: str = "cube", engine: str = "ogre2") -> ElementTree.Element:
    scene = dataclasses.replace(scene_of_seed(SEED), object=kind)
    return ElementTree.fromstring(world_sdf(find_version(version), WorldOptions(scene, engine), URDF))


def numbers(element: ElementTree.Element | None) -> np.ndarray:
    assert element is not None and element.text
    return np.array([float(word) for word in element.text.split()])


class Chain:
    """Forward kinematics read from the SDF alone: frames given relative to joints and links, joints turned by an angle."""

    def __init__(self, model: ElementTree.Element) -> None:
        self._places: dict[str, tuple[str, np.ndarray]] = {}
        self._turns: dict[str, tuple[str, np.ndarray]] = {}
        for part in (*model.findall("link"), *model.findall("joint")):
            pose = part.find("pose")
            if pose is not None:
                values = numbers(pose)
                at = np.eye(4)
                at[:3, :3], at[:3, 3] = rotation_of_rpy(values[3:]), values[:3]
                self._places[str(part.get("name"))] = (str(pose.get("relative_to")), at)
        for joint in model.findall("joint"):
            axis = joint.find("axis/xyz")
            if axis is not None:
                self._turns[str(joint.findtext("child"))] = (str(joint.get("name")), numbers(axis))

    def pose(self, link: str, angles: dict[str, float]) -> np.ndarray:
        """``(4, 4)`` of a link in the model's frame."""
        if link not in self._places:
            return np.eye(4)
        parent, at = self._places[link]
        result = self.pose(parent, angles) @ at
        if link in self._turns:
            joint, axis = self._turns[link]
            turn = np.zeros(9)
            quaternion = np.zeros(4)
            mujoco.mju_axisAngle2Quat(quaternion, axis, angles.get(joint, 0.0))
            mujoco.mju_quat2Mat(turn, quaternion)
            result[:3, :3] = result[:3, :3] @ turn.reshape(3, 3)
        return result


def robot_model() -> ElementTree.Element:
    model = world().find("world/model[@name='ur5e']")
    assert model is not None
    return model


def test_the_arm_reaches_where_the_policy_thinks() -> None:
    robot = load_robot("ur5e")
    kinematics, chain = make_arm(robot), Chain(robot_model())
    rng = np.random.default_rng(0)
    for q in (np.array(HOME), *rng.uniform(-3, 3, (20, 6))):
        position, rotation = kinematics.forward(q)
        hand = chain.pose(gripper.HAND, dict(zip(robot.arm_names, q, strict=True)))
        assert hand[:3, :3] == pytest.approx(rotation, abs=1e-6)
        assert hand[:3, 3] + rotation @ [0, 0, 0.145] == pytest.approx(position, abs=1e-6)


@pytest.mark.parametrize(("driven", "gap", "height"), [(0.0, 0.085, 0.1303), (0.8, 0.0, 0.1442)])
def test_the_fingers_close_on_the_tool(driven: float, gap: float, height: float) -> None:
    """Gap between the pads' faces and their height over the flange, open and closed; the tips stay parallel."""
    chain = Chain(robot_model())
    angles = {name: ratio * driven for name, ratio in gripper.RATIOS.items()}
    hand = chain.pose(gripper.HAND, {})
    faces = []
    for side, link in zip((-1.0, 1.0), gripper.TIPS, strict=True):
        tip = np.linalg.inv(hand) @ chain.pose(link, angles)
        assert tip[:3, :3] == pytest.approx(np.eye(3), abs=1e-9)
        pad = gripper.pad(side)
        faces.append(tip[:3, 3] + np.array(pad.position) - [0.0, side * pad.size[1] / 2, 0.0])
    assert faces[1][1] - faces[0][1] == pytest.approx(gap, abs=0.0025)
    assert faces[0][2] == pytest.approx(height, abs=0.001) and faces[1][2] == pytest.approx(height, abs=0.001)


def test_every_mass_is_a_body_that_could_exist() -> None:
    found = 0
    for inertial in world().iter("inertial"):
        found += 1
        mass = float(inertial.findtext("mass", "nan"))
        ixx, ixy, ixz, iyy, iyz, izz = (
            float(inertial.findtext(f"inertia/{name}", "nan")) for name in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
        )
        moments = np.linalg.eigvalsh([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]])
        assert mass > 0 and moments[0] > 0
        assert moments[2] <= moments[0] + moments[1] + 1e-12  # the triangle inequality of principal moments
    assert found == len(ur5e.LINKS) + len(gripper.LINKS) + 1


def test_the_servos_hold_the_outstretched_arm_within_half_a_degree() -> None:
    """Sag = gravity's torque over stiffness, torque by virtual work on the SDF's own masses."""
    model = robot_model()
    chain = Chain(model)
    joints = ur5e.read_joints(URDF)

    def energy(angles: dict[str, float]) -> float:
        total = 0.0
        for link in model.findall("link"):
            center = numbers(link.find("inertial/pose"))[:3]
            height = (chain.pose(str(link.get("name")), angles) @ [*center, 1.0])[2]
            total += float(link.findtext("inertial/mass", "nan")) * 9.81 * height
        return total

    flat = {joint.name: 0.0 for joint in joints}  # along x, the worst there is
    assert energy({**flat, "shoulder_lift_joint": 1e-4}) != energy(flat)
    for joint in joints:
        torque = (energy({**flat, joint.name: 1e-4}) - energy({**flat, joint.name: -1e-4})) / 2e-4
        assert abs(torque) < joint.effort
        assert np.degrees(abs(torque) / joint.stiffness) < 0.5, joint.name


@pytest.mark.parametrize("kind", ["milk", "bottle", "round_nut", "hammer"])
def test_objects_are_robosuites_in_size_and_weight(kind: str) -> None:
    from embodiedcomp_eval.simulators import workcell

    model = workcell.build_model(kind)
    body = workcell.object_body(model)
    assert THINGS[kind].mass == pytest.approx(float(model.body_mass[body]), rel=0.02)
    scene = dataclasses.replace(scene_of_seed(SEED), object=kind)
    position, _ = place(scene)
    assert position[2] == pytest.approx(TABLE_TOP + workcell.lowest_point(model, kind) + DROP_HEIGHT, abs=0.0012)


def test_every_object_of_the_benchmark_is_there() -> None:
    assert set(THINGS) == set(OBJECTS) == set(GRASPS)


def test_no_object_starts_in_the_table() -> None:
    for seed in range(SEED, SEED + 60):
        scene = scene_of_seed(seed)
        position, rotation = place(scene)
        assert position[2] - lowest_point(THINGS[scene.object].solids, rotation) == pytest.approx(
            TABLE_TOP + DROP_HEIGHT
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_plugins_bear_the_names_of_their_release(version: str) -> None:
    text = ElementTree.tostring(world(version), encoding="unicode")
    files, classes = re.findall(r'filename="([^"]+)"', text), re.findall(r'<plugin[^>]* name="([^"]+)"', text)
    assert len(files) == len(classes) == 8
    old = version == "fortress"
    assert all(name.startswith("ignition-gazebo-" if old else "gz-sim-") and name.endswith("-system") for name in files)
    assert all(name.startswith("ignition::gazebo::systems::" if old else "gz::sim::systems::") for name in classes)
    assert ("ignition_frame_id" in text) == old and ("<gz_frame_id" in text) != old


def test_the_cameras_are_those_of_the_task() -> None:
    found = {str(sensor.get("name")): sensor for sensor in world().iter("sensor") if sensor.get("type") == "camera"}
    assert set(found) == {"base_camera", "wrist_camera"}
    for name, fov in (("base_camera", BASE_FOV), ("wrist_camera", WRIST_FOV)):
        sensor = found[name]
        assert float(sensor.findtext("camera/horizontal_fov", "")) == pytest.approx(np.radians(fov))
        assert [sensor.findtext(f"camera/image/{side}") for side in ("width", "height")] == ["256", "256"]
        assert sensor.findtext("update_rate") == "10" and sensor.findtext("topic") == f"/{name}/image_raw"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_topic_of_the_bridge_is_one_that_the_world_names(version: str) -> None:
    """Default topics differ between releases, so none is left to default but the clock, which is Gazebo's own."""
    named = {topic.text for topic in world(version).iter("topic")}
    assert {entry.gazebo for entry in ENTRIES} == named | {"/clock"}
    moved = world(version).findall("world/model[@name='object']/plugin/topic")
    assert [topic.text for topic in moved] == [entry.gazebo for entry in ENTRIES if entry.ros == OBJECT_POSE]


@pytest.mark.parametrize("engine", ["ogre", "ogre2"])
def test_the_render_engine_is_a_choice(engine: str) -> None:
    assert world(engine=engine).findtext("world/plugin/render_engine") == engine


def test_bad_options_name_the_valid_ones() -> None:
    scene = scene_of_seed(SEED)
    with pytest.raises(ConfigError, match="'ogre3'; there are: ogre2, ogre"):
        WorldOptions(scene, "ogre3")
    with pytest.raises(ConfigError, match="camera_rate must be from"):
        WorldOptions(scene, camera_rate=float("nan"))
    with pytest.raises(ConfigError, match="'dome'; there are: fortress, harmonic, ionic"):
        find_version("dome")


PARSER = next((name for name in ("gz", "ign") if shutil.which(name)), None)


@pytest.mark.skipif(
    PARSER is None, reason="no SDFormat parser: apt-get install ignition-tools libsdformat-dev (Debian 12)"
)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["cube", "hammer"])
def test_the_sdformat_parser_finds_it_valid(version: str, kind: str, tmp_path: Path) -> None:
    scene = dataclasses.replace(scene_of_seed(SEED), object=kind)
    texts = {
        "world": world_sdf(find_version(version), WorldOptions(scene), URDF),
        "object": object_sdf(find_version(version), scene, 10.0),
    }
    for name, text in texts.items():
        path = tmp_path / f"{name}.sdf"
        path.write_text(text)
        checked = subprocess.run([str(PARSER), "sdf", "-k", str(path)], capture_output=True, text=True, check=False)
        assert checked.stdout.strip() == "Valid.", checked.stdout + checked.stderr
        assert not re.search(r"\[?(Err|Error|Warning)", checked.stderr), checked.stderr


@pytest.mark.skipif(PARSER is None, reason="no SDFormat parser")
def test_the_parser_would_find_a_mistake(tmp_path: Path) -> None:
    text = world_sdf(find_version("harmonic"), WorldOptions(scene_of_seed(SEED)), URDF)
    path = tmp_path / "broken.sdf"
    path.write_text(text.replace("<child>upper_arm_link</child>", "<child>no_such_link</child>"))
    checked = subprocess.run([str(PARSER), "sdf", "-k", str(path)], capture_output=True, text=True, check=False)
    assert "Valid." not in checked.stdout
