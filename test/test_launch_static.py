"""Every package, executable, parameter and remapping that a launch file names exists; each file loads in the real launch."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from interfaces import BUILT_IN, LAUNCH_FILES, ROOT, LaunchFile, executables, load_launch_file, parameters, topics

FILES = {path.name.removesuffix(".launch.py"): path for path in LAUNCH_FILES}
EXECUTABLES = executables()
TOY = str(Path(__file__).parent / "toy_plugins" / "toy_lift.yaml")
VALUES: dict[str, list[dict[str, str]]] = {
    "sim_trial": [
        {"task": TOY, "link": "lossy", "record": "true", "namespace": "left", "checkpoint": "c", "server": "s"},
        {"timing": "realtime", "target_bpp": "", "target_bitrate": "9000", "send": "every_step"},
    ],
    "robot": [
        {"side": "robot", "images": "/a/image,/b/image,/c/image", "cameras": "a,b,c", "namespace": "arm1"},
        {"side": "remote", "joint_states": "/arm/joint_states", "checkpoint": "c", "server": "s"},
        {"command_interface": "forward_position", "commands": "/arm/commands", "target_bpp": "0.1"},
        {"gripper": "topic", "gripper_commands": "/hand/commands", "command_interface": "forward_position"},
        {"gripper": "topic", "gripper_commands": "/hand/joint_trajectory"},
        {"bundle": "true", "joint_states": "/arm/joint_states", "also": "ffmpeg,foxglove", "weights": "w"},
        {"crop": "0,0,64,64", "resize": "32,32,16,16", "key_period": "5", "transport": "compressed"},
        {"side": "robot", "refresh_frames": "10"},
    ],
    "robot_trial": [
        {
            "success": "object_tf,gripper",
            "success_options": "object_tf.object_frame=tag36h11:7,gripper.width_min=0.03,gripper.width_max=0.06",
            "images": "/a/image,/b/image",
            "record": "true",
            "raw_images": "true",
            "namespace": "arm1",
        },
        {
            "success": "signal",
            "success_signal": "/scale",
            "target_bitrate": "9000",
            "target_bpp": "0.1",
            "record": "true",
        },
        {"object_pose": "/tag/pose", "joint_states": "/arm/joint_states", "nodes": "guard"},
    ],
    "record": [{"topics": "joint_states,/a/image", "namespace": "arm1"}],
    "gazebo_trial": [
        {"gazebo": "fortress", "render_engine": "ogre", "gui": "true", "object": "cube", "record": "true"},
        {
            "gazebo": "ionic",
            "target_bpp": "",
            "target_bitrate": "9000",
            "namespace": "left",
            "checkpoint": "c",
            "server": "s",
        },
    ],
}
NODES_FILE = str(ROOT / "config" / "nodes.yaml")
OTHER_VALUES = {
    "success": ["object_pose"],
    "success_options": ["signal.above=0.5"],
    "retries": ["7"],
    "nodes": ["guard"],
    **{name: ["/mine"] for name in ("object_pose", "success_signal")},
    **{name: ["7"] for name in (
        "target_bpp", "target_bitrate", "budget_window", "episodes", "seed", "split_seconds", "key_period",
        "refresh_frames", "replan_period", "image_tolerance", "velocity_scale",
    )},
    **{name: ["mine"] for name in (
        "codec", "policy", "checkpoint", "server", "namespace", "out", "weights", "instruction", "robot",
        "joint_states", "commands", "gripper_commands",
    )},
    "task": ["ur5e_lift_moved"],
    "link": ["lossy"],
    "topics": ["/a,b"],
    "images": ["/a,/b"],
    "cameras": ["a,b"],
    "crop": ["0,0,64,64", "0,0,64,64,8,8,64,64"],
    "resize": ["224,224"],
    "also": ["ffmpeg"],
    "params_file": [NODES_FILE],
    ("robot", "side"): ["robot", "remote"],
}  # fmt: skip
"""Argument -> values unlike its default; those with choices have them there."""
IN_A_FILE = {("gazebo_trial", "render_engine"), ("gazebo_trial", "real_time_factor")}
"""They change the world that is written, which its own tests read."""
FOREIGN = {("ros_gz_bridge", "parameter_bridge"): {"config_file"}}
"""Executables of packages that are not ours, with their parameters."""
CASES = [(name, values) for name in FILES for values in ({}, *VALUES.get(name, []))]


@pytest.fixture(scope="module")
def loaded() -> dict[str, LaunchFile]:
    return {name: load_launch_file(path) for name, path in FILES.items()}


def test_every_launch_file_is_tried() -> None:
    assert set(VALUES) == set(FILES)
    assert len(EXECUTABLES) >= 8


@pytest.mark.parametrize(("name", "values"), CASES)
def test_what_a_launch_file_names_exists(
    name: str,
    values: dict[str, str],
    loaded: dict[str, LaunchFile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # where a launch file writes something, it is below here
    nodes = loaded[name].nodes(**values)
    assert nodes
    assert len({(node.namespace, node.name) for node in nodes}) == len(nodes), "two nodes of one name"
    for node in nodes:
        source = EXECUTABLES.get((node.package, node.executable))
        if source is None and (node.package, node.executable) in FOREIGN:
            assert set(node.parameters) <= FOREIGN[node.package, node.executable] | BUILT_IN
            assert not node.remappings
            continue
        assert source is not None, f"{node.package} has no executable {node.executable}"
        assert set(node.parameters) <= parameters(source) | BUILT_IN, f"{node.executable}: unknown parameters"
        patterns = [*topics(source), ".+/embodiedcomp"]
        for remapped in node.remappings:
            assert any(re.fullmatch(pattern, remapped) for pattern in patterns), f"{node.executable}: {remapped}"


@pytest.mark.parametrize("name", FILES)
def test_arguments_read_well_and_are_used(
    name: str, loaded: dict[str, LaunchFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another value of any argument starts other processes, or the same ones with other words."""
    monkeypatch.chdir(tmp_path)
    file = loaded[name]
    for argument in file.arguments.values():
        base = {"record": "true"} if argument.name in ("storage", "raw_images") and "record" in file.arguments else {}
        usual = file.processes(**base)
        assert len(argument.description) > 8, argument.name
        assert not argument.choices or len(argument.choices) > 1
        if (name, argument.name) in IN_A_FILE:
            continue
        others = [choice for choice in argument.choices if choice != argument.default]
        value = OTHER_VALUES.get((name, argument.name)) or others[:1] or OTHER_VALUES[argument.name]
        for other in value:
            assert file.processes(**base, **{argument.name: other}) != usual, (
                f"{argument.name} is declared and not used"
            )


@pytest.mark.parametrize("name", FILES)
def test_what_happens_when_a_node_ends_is_decided(
    name: str, loaded: dict[str, LaunchFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for node in loaded[name].nodes():
        assert "on_exit" in node.options, node.name
        assert ("respawn" in node.options) == callable(node.options["on_exit"]), node.name
    assert re.search(r"started?\s+again", FILES[name].read_text().split('"""')[1]), "the docstring says so"


@pytest.mark.parametrize(("respawn", "starts"), [("true", 6), ("false", 1)])
def test_a_robots_node_is_started_again_and_bad_input_ends_the_launch(
    respawn: str, starts: int, loaded: dict[str, LaunchFile]
) -> None:
    def ends(count: int, status: int, shutdown: bool = False) -> list[object]:
        node = loaded["robot"].nodes(respawn=respawn)[0]
        assert node.options["respawn"] == (respawn == "true") and node.options["respawn_max_retries"] == 5
        event, context = SimpleNamespace(returncode=status), SimpleNamespace(is_shutdown=shutdown)
        return [node.options["on_exit"](event, context) for _ in range(count)]

    *before, last = ends(starts, -11)
    assert before == [None] * (starts - 1)
    assert str(last).startswith("log: encoder_base_camera has ended") and "not started again" in str(last)
    assert ends(1, 2) == ["shutdown: encoder_base_camera was given what it can't work with: see its last line"]
    assert ends(1, 2, shutdown=True) == [None]


def test_the_sides_of_a_robot_make_the_whole(loaded: dict[str, LaunchFile]) -> None:
    names = {side: {node.name for node in loaded["robot"].nodes(side=side)} for side in ("robot", "remote", "both")}
    assert names["robot"] == {"encoder_base_camera", "encoder_wrist_camera", "guard"}
    assert names["remote"] == {"decoder_base_camera", "decoder_wrist_camera", "policy"}
    assert names["both"] == names["robot"] | names["remote"]


def test_any_number_of_cameras(loaded: dict[str, LaunchFile]) -> None:
    for count in (1, 4):
        images = [f"/cam{index}/image" for index in range(count)]
        cameras = [f"c{index}" for index in range(count)]
        nodes = loaded["robot"].nodes(images=",".join(images), cameras=",".join(cameras))
        encoders = [node for node in nodes if node.executable == "encoder"]
        assert [node.remappings for node in encoders] == [{"image": image} for image in images]
        (policy,) = (node for node in nodes if node.executable == "policy")
        assert policy.parameters["cameras"] == cameras
        assert policy.parameters["image_topics"] == [f"{image}/decoded" for image in images]
    with pytest.raises(RuntimeError, match="must name as many"):
        loaded["robot"].nodes(images="/a,/b", cameras="a")


def test_views_go_to_their_cameras(loaded: dict[str, LaunchFile]) -> None:
    given = {"crop": "0,0,64,64,8,8,32,32", "resize": "16,16"}
    first, second = (n.parameters for n in loaded["robot"].nodes(**given) if n.executable == "encoder")
    assert (first["crop"], second["crop"]) == ([0, 0, 64, 64], [8, 8, 32, 32])
    assert first["resize"] == second["resize"] == [16, 16]
    (shared,) = (n.parameters for n in loaded["robot"].nodes(bundle="true", **given) if n.executable == "encoder")
    assert shared["crop"] == [0, 0, 64, 64, 8, 8, 32, 32]
    with pytest.raises(RuntimeError, match="crop takes 4 numbers, or 4 for each camera"):
        loaded["robot"].nodes(crop="1,2,3")
    with pytest.raises(RuntimeError, match="resize:=wide can't be read"):
        loaded["robot"].nodes(resize="wide")


def test_a_bundle_carries_all_cameras_and_the_joint_states(loaded: dict[str, LaunchFile]) -> None:
    apart = {node.name: node for node in loaded["robot"].nodes()}
    nodes = {node.name: node for node in loaded["robot"].nodes(bundle="true", joint_states="/arm/joint_states")}
    assert set(nodes) == {"encoder", "decoder", "guard", "policy"}
    encoder, decoder, guard, policy = (nodes[name] for name in ("encoder", "decoder", "guard", "policy"))
    assert encoder.parameters["images"] == decoder.parameters["images"]
    assert encoder.parameters["target_bitrate"] == 2 * apart["encoder_base_camera"].parameters["target_bitrate"]
    assert {n.remappings["joint_states"] for n in (encoder, decoder, guard)} == {"/arm/joint_states"}
    assert policy.remappings["joint_states"] == "/arm/joint_states/decoded"


def test_the_parameter_file_names_what_exists(loaded: dict[str, LaunchFile]) -> None:
    with pytest.raises(RuntimeError, match="nothing.yaml: no such file"):
        loaded["robot"].nodes(params_file="nothing.yaml")
    nodes = {node.name: node for node in loaded["robot"].nodes(params_file=NODES_FILE)}
    assert {node.files for node in nodes.values()} == {(NODES_FILE,)}
    text = Path(NODES_FILE).read_text()
    sections = yaml.safe_load(
        re.sub(r"^    # (\w+: )", r"    \1", text, flags=re.MULTILINE)
    )  # what is commented out exists too
    assert len(sections) == 4
    for key, section in sections.items():
        node = nodes[key.removeprefix("/**/")]
        known = parameters(EXECUTABLES[node.package, node.executable])
        assert section["ros__parameters"] and set(section["ros__parameters"]) <= known


def test_a_trial_has_the_nodes_of_the_command_line(loaded: dict[str, LaunchFile], toy_task: str) -> None:
    """The same nodes with the same parameters and remappings as ``trial --transport ros`` starts."""
    from embodiedcomp_eval.ros_trial import nodes_of, ros_arguments
    from embodiedcomp_eval.trial_config import TrialConfig

    for link, storage in itertools.product(("none", "lossy"), (None, "mcap")):
        config = TrialConfig(task=toy_task, target_bpp=0.05, link=link)
        expected = nodes_of(config, config.validate(), Path("results/launch"), storage)
        record = {"record": "true"} if storage else {}
        launched = {node.name: node for node in loaded["sim_trial"].nodes(task=toy_task, link=link, **record)}
        assert set(launched) == set(expected)
        for name, (where, arguments) in expected.items():
            node = launched[name]
            assert where == (node.package, node.executable)
            assert node.remappings == dict(
                argument.split(":=") for argument in arguments if ":=" in argument and argument.startswith(("/", "i", "o"))
                and arguments[arguments.index(argument) - 1] == "-r"
            )  # fmt: skip
            mine = {**node.parameters}
            theirs = dict(argument.split(":=", 1) for argument in _after(arguments, "-p"))
            for key in set(mine) & set(theirs) - {"nodes", "topics"}:
                said = ros_arguments("x", {key: mine[key]}, {})[-1].split(":=", 1)[1]
                assert said == theirs[key], f"{name}: {key}"


def _after(arguments: list[str], flag: str) -> list[str]:
    return [argument for before, argument in itertools.pairwise(arguments) if before == flag]


@pytest.mark.skipif(importlib.util.find_spec("launch_ros") is None, reason="launch_ros is not installed")
@pytest.mark.parametrize("name", FILES)
def test_the_real_launch_loads_it(name: str, loaded: dict[str, LaunchFile]) -> None:
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(FILES[name]))
    shown = {argument.name: argument for argument in description.get_launch_arguments()}
    assert set(shown) == set(loaded[name].arguments)
    for argument, expected in loaded[name].arguments.items():
        assert shown[argument].description.startswith(expected.description)  # the choices follow
        assert tuple(shown[argument].choices or ()) == expected.choices
