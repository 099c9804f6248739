"""docs/reference names every parameter, topic, service, launch argument, make verb and option; the tutorial's commands exist."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from pathlib import Path

import pytest
from created_topics import CREATE, created, is_named
from created_topics import rooms as created_rooms
from interfaces import (
    LAUNCH_FILES,
    ROOT,
    executables,
    load_launch_file,
    make_verbs,
    options,
    parameters,
    tutorial_commands,
)

from embodiedcomp_eval.operator_words import WORDS

REFERENCE = ROOT / "docs" / "reference"
PAGES = {path.name: path.read_text() for path in sorted(REFERENCE.glob("*.md"))}
EXECUTABLES = executables()
TOLD = {
    ("outputs.py", "f'{base}/{transport}'"): ("<image>/ffmpeg", "<image>/foxglove"),
    ("intake.py", "topic"): ("image", "<image>/compressed"),
    ("bundle_output.py", "f'{self.publisher.topic_name}/key_request'"): ("bundle/key_request",),
    ("bundle_input.py", "f'{subscription.topic_name}/key_request'"): ("bundle/key_request",),
    ("bundle_input.py", "f'{node.resolve_topic_name(JOINT_STATES)}/decoded'"): ("joint_states/decoded",),
    ("policy.py", "topic"): ("CAMERA/image_raw/decoded",),
    ("guard.py", "f'{controller}/{leaf}'"): (
        "joint_trajectory_controller/joint_trajectory", "forward_position_controller/commands",
        "gripper_controller/joint_trajectory", "gripper_controller/commands",
    ),
    ("evidence_inputs.py", "topic"): ("object_pose", "success_signal", "/tf", "/tf_static", "joint_states"),
    ("operator_desk.py", "f'~/{word}'"): tuple(f"~/{word}" for word in WORDS),
    ("recorder.py", "topic"): (),
    ("doctor.py", "topic"): (),
}  # fmt: skip
"""What stands for a topic's name where it is only known when the node runs -> the names; none for those of others."""


def rows(text: str) -> set[str]:
    """What stands in backquotes in the first column of the tables."""
    cells = re.findall(r"^\| ([^|]*)\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def section(heading: str) -> str:
    """The text below a heading of any page, up to the next one of its level."""
    found = [re.split(r"^## ", page, flags=re.MULTILINE) for page in PAGES.values()]
    matching = [
        part for parts in found for part in parts[1:] if part.splitlines()[0].replace("`", "").startswith(heading)
    ]
    assert len(matching) == 1, f"{len(matching)} sections '{heading}' in docs/reference"
    return matching[0]


@pytest.mark.parametrize(("package", "executable"), EXECUTABLES)
def test_every_parameter_has_its_row(package: str, executable: str) -> None:
    declared = parameters(EXECUTABLES[package, executable])
    assert len(declared) > 1
    assert declared - rows(section(f"ros2 run {package} {executable}")) == set()


@pytest.mark.parametrize(("package", "executable"), EXECUTABLES)
def test_every_topic_and_service_is_named(package: str, executable: str) -> None:
    """Those of the modules beside the node too; what is filled in while running stands as any name."""
    text = section(f"ros2 run {package} {executable}")
    made = created(EXECUTABLES[package, executable], TOLD)
    assert made or executable == "doctor"
    assert {name: file for name, file in made.items() if not is_named(name, text)} == {}


def test_what_is_told_of_topics_is_there() -> None:
    """An expression that the table explains stands in the code, and a topic that is not named is found."""
    expressions = set()
    for path in {file for source in EXECUTABLES.values() for file in created_rooms(source)}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CREATE:
                expressions.add((path.name, ast.unparse(node.args[1])) if len(node.args) > 1 else (path.name, ""))
    assert set(TOLD) - expressions == set()
    made = created(EXECUTABLES["embodiedcomp_codec", "encoder"], TOLD)
    expected = {"camera_info", "compressed", "embodiedcomp", "embodiedcomp/key_request", "ffmpeg", "foxglove", "bundle"}
    assert expected <= {name.removeprefix(".+/").removeprefix("<image>/") for name in made}
    assert not is_named(".+/camera_info", "publishes `<image>/embodiedcomp` and camera_info")


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_every_launch_argument_has_its_row_and_default(path: Path) -> None:
    text = section(path.name)
    for argument in load_launch_file(path).arguments.values():
        row = re.search(rf"^\| `{argument.name}` \| ([^|]*)\|", text, re.MULTILINE)
        assert row is not None, argument.name
        assert row[1].strip() == argument.default or argument.name in ("commands", "gripper_commands"), argument.name
        if len(argument.choices) > 1 and argument.choices[0] not in ("true", "false"):
            line = next(line for line in text.splitlines() if line.startswith(f"| `{argument.name}` |"))
            assert all(choice in line for choice in argument.choices), argument.name


def test_every_make_verb_has_its_row() -> None:
    verbs = make_verbs()
    assert len(verbs) > 10
    assert verbs - rows(PAGES["commands.md"].split("\n## ")[0]) == set()


@pytest.mark.parametrize("verb", sorted(options()))
def test_every_option_is_named(verb: str) -> None:
    words = verb.split()
    headings = {"sweep": "sweep", "report": "sweep", "train-policy": "sweep", "bench": "bench"}
    text = section(headings.get(words[0], words[0]))
    missing = {option for option in options()[verb] if f"`{option}`" not in text}
    assert missing == set()


@pytest.mark.parametrize(("page", "count"), [("tutorial.md", 12), ("how-to/robot-trial.md", 6)])
def test_the_tutorial_names_what_exists(page: str, count: int) -> None:
    found = tutorial_commands(page)
    assert len(found) > count
    files = {path.name: load_launch_file(path) for path in LAUNCH_FILES}
    for words in found:
        if words[:2] == ["ros2", "launch"]:
            given = dict(word.split(":=", 1) for word in words[4:] if ":=" in word)
            files[words[3]].nodes(**given)
        elif words[:2] == ["ros2", "run"] and words[2].startswith("embodiedcomp"):
            known = parameters(EXECUTABLES[words[2], words[3]])
            for flag, value in itertools.pairwise(words):
                assert flag != "-p" or value.split(":=")[0] in known, words
        elif words[0] == "make":
            assert words[1] in make_verbs(), words
            asked = shlex.split(words[2].removeprefix("ARGS=")) if len(words) > 2 else []
            check_options(words[1], asked)
        elif words[0] == "embodiedcomp":
            check_options(words[1], words[2:])


def check_options(verb: str, words: list[str]) -> None:
    if verb not in options():
        return
    given = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
    assert given <= options()[verb], f"{verb}: {given - options()[verb]}"
