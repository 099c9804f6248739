"""Every package, executable, parameter and remapping that a launch file names exists; each file loads in the real launch."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path

import pytest
from interfaces import BUILT_IN, LAUNCH_FILES, LaunchFile, executables, load_launch_file, parameters, topics

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
def test_arguments_read_well_and_are_used(name: str, loaded: dict[str, LaunchFile]) -> None:
    file = loaded[name]
    source = FILES[name].read_text()
    for argument in file.arguments.values():
        assert len(argument.description) > 8, argument.name
        assert not argument.choices or len(argument.choices) > 1
        uses = len(re.findall(rf"[\"']{argument.name}[\"']", source))
        assert uses > 1 or name == "sim_trial", f"{argument.name} is declared and not used"


@pytest.mark.parametrize("name", FILES)
def test_what_happens_when_a_node_ends_is_decided(
    name: str, loaded: dict[str, LaunchFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for node in loaded[name].nodes():
        assert ("on_exit" in node.options) != ("respawn" in node.options), node.name
    assert re.search(r"started?\s+again", FILES[name].read_text().split('"""')[1]), "the docstring says so"


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
