"""What the suite offers by name, read from its sources: executables, parameters, topics, verbs, options, launch files.

The launch files are run against recording doubles of ``launch`` and ``launch_ros``, so that they are checked where neither is.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import itertools
import re
import shlex
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodiedcomp_eval.judge_registry import judge_classes, judge_names
from embodiedcomp_eval.trial_config import TrialConfig

ROOT = Path(__file__).resolve().parent.parent
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
BUILT_IN = {"use_sim_time"}
"""Parameters that every node of rclpy has."""
SHARED = "embodiedcomp_eval.nodes.launching"
"""The module that the launch files share."""
CREATE = {
    "create_publisher", "create_lifecycle_publisher", "create_subscription", "create_service",
}  # fmt: skip


def executables() -> dict[tuple[str, str], Path]:
    """(package, executable) of every node -> its source file, from the entry points of each setup.py."""
    found = {}
    for setup in sorted((ROOT / "src").glob("*/setup.py")):
        package = setup.parent.name
        for name, module in re.findall(r'"(\w+) = ([\w.]+):main"', setup.read_text()):
            if ".nodes." in module:
                found[package, name] = setup.parent / (module.replace(".", "/") + ".py")
    return found


def rooms(source: Path) -> list[Path]:
    """A node's file, and those that its own topics and services are spread over."""
    if source.name != "evaluator.py":
        return [source]
    parts = ("trial_topics", "simulated_run", "judged_run", "evidence_inputs", "operator_desk")
    return [
        source,
        *(source.with_name(f"{part}.py") for part in parts),
        *sorted((source.parents[1] / "success").glob("*.py")),
    ]


def parameters(source: Path) -> set[str]:
    """Names of the parameters that a node declares."""
    tree = ast.parse(source.read_text())
    found = {"autostart"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Attribute) and node.value.attr == "PARAMETERS":
            assert isinstance(node.value.value, ast.Name)  # the table of a module beside the node
            found |= parameters(source.parent / f"{node.value.value.id}.py")
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("parameter", "choice", "Parameter") and node.args and isinstance(node.args[0], ast.Constant):
            found.add(str(node.args[0].value))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {"reliability"} if "RELIABILITY" in names else set()
    # Declared in loops: the names stand in the same file.
    if source.name == "evaluator.py":
        found |= {field.name for field in dataclasses.fields(TrialConfig)} | set(judge_options())
    if source.name == "guard.py":
        found |= {"max_observation_age", "max_chunk_age"}
    if source.name == "policy.py":
        found |= {"image_tolerance", "state_tolerance"}
    return found


def judge_options() -> list[str]:
    """``JUDGE.OPTION`` of every judge of ours: parameters of the evaluator where its ``success`` names that judge."""
    return [
        f"{name}.{field.name}"
        for name in judge_names()
        for field in dataclasses.fields(judge_classes(name)[name].Options)
    ]


def topics(source: Path) -> list[str]:
    """Regular expressions of the topics and services that a node makes: literals, and f-strings with gaps."""
    found = []
    for node in itertools.chain.from_iterable(ast.walk(ast.parse(path.read_text())) for path in rooms(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CREATE:
            if len(node.args) > 1:
                found.append(_pattern(node.args[1]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z_~/]+", node.value):
            found.append(re.escape(node.value))  # a topic's name in a variable
        elif isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".nodes"):
            for module in node.names:  # and in a constant of a module beside the node
                found += _constants(source.parent / f"{module.name}.py")
    return [pattern for pattern in found if pattern]


def _constants(source: Path) -> list[str]:
    """Patterns of the texts that a module keeps under a name, or has from the module beside it that does."""
    found = []
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.append(re.escape(node.value.value))
        elif isinstance(node, ast.ImportFrom) and any(alias.name.isupper() for alias in node.names):
            package, _, module = (node.module or "").rpartition(".")
            found += _constants(source.parent / f"{module}.py") if package.endswith(".nodes") else []
    return found


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(v.value)) if isinstance(v, ast.Constant) else ".+" for v in node.values]
        return "".join(parts)
    return ""


@dataclass(frozen=True)
class LaunchedNode:
    """What a launch file gave to ``launch_ros.actions.Node``."""

    package: str
    executable: str
    name: str
    namespace: str
    parameters: dict[str, Any]
    remappings: dict[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """Parameter files, over ``parameters``."""


@dataclass(frozen=True)
class LaunchArgument:
    """What a launch file gave to ``DeclareLaunchArgument``."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class LaunchFile:
    """A launch file as it was loaded: its arguments, and the nodes that it makes of values for them."""

    path: Path
    arguments: dict[str, LaunchArgument]
    function: Callable[[Any], list[Any]]

    def nodes(self, **values: str) -> list[LaunchedNode]:
        """The nodes for these values, defaults for the rest. Unknown names and values out of the choices fail."""
        return [made for made in self.processes(**values) if isinstance(made, LaunchedNode)]

    def processes(self, **values: str) -> list[Any]:
        """The nodes, and the command lines of everything else that is started."""
        given = {name: argument.default for name, argument in self.arguments.items()}
        for name, value in values.items():
            choices = self.arguments[name].choices
            assert not choices or value in choices, f"{name}:={value} is none of {choices}"
            given[name] = value
        return self.function(given)


def load_launch_file(path: Path) -> LaunchFile:
    """Run the file against the doubles. Anything of ``launch`` beyond them is an AttributeError."""
    with _doubles():
        spec = importlib.util.spec_from_file_location(path.name.split(".")[0], path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        entities = module.generate_launch_description()
    arguments = {entity.name: entity for entity in entities if isinstance(entity, LaunchArgument)}
    (function,) = (entity for entity in entities if not isinstance(entity, LaunchArgument))

    def processes(given: Any) -> list[Any]:
        with _doubles():
            return list(function(given))

    return LaunchFile(path, arguments, processes)


class _Value:
    def __init__(self, value: Any, *, value_type: Any) -> None:
        self.value, self.value_type = value, value_type


class _Configuration:
    def __init__(self, name: str) -> None:
        self._name = name

    def perform(self, context: Mapping[str, str]) -> str:
        return context[self._name]


def _argument(name: str, *, default_value: str, description: str, choices: list[str] | None) -> LaunchArgument:
    assert choices is None or default_value in choices
    return LaunchArgument(name, default_value, description, tuple(choices or ()))


def _node(
    *,
    package: str,
    executable: str,
    name: str,
    namespace: str,
    parameters: list[Any],
    remappings: Any = (),
    **options: Any,
) -> LaunchedNode:
    values: dict[str, Any] = {}
    files = [group for group in parameters if isinstance(group, str)]
    for group in (group for group in parameters if not isinstance(group, str)):
        for key, value in group.items():
            plain = value.value if isinstance(value, _Value) else value
            # launch_ros reads a bare text as YAML and takes no empty list.
            assert not isinstance(plain, str) or isinstance(value, _Value), f"{name}: {key} loses its type"
            assert plain != [] and plain is not None, f"{name}: {key} is {plain}"
            values[key] = plain
    assert set(options) <= {"output", "on_exit", "respawn", "respawn_delay", "respawn_max_retries", "sigterm_timeout"}
    return LaunchedNode(package, executable, name, namespace, values, dict(remappings), options, tuple(files))


def _process(*, cmd: list[str], **options: Any) -> list[str]:
    assert cmd and all(isinstance(word, str) for word in cmd)
    assert ("on_exit" in options) and set(options) <= {"output", "on_exit"}
    return cmd


@contextmanager
def _doubles() -> Iterator[None]:
    names = {
        "launch": {"LaunchDescription": list, "LaunchContext": dict},
        "launch.actions": {
            "DeclareLaunchArgument": _argument,
            "OpaqueFunction": lambda *, function: function,
            "ExecuteProcess": _process,
            "Shutdown": lambda *, reason: f"shutdown: {reason}",
            "LogInfo": lambda *, msg: f"log: {msg}",
        },
        "launch.substitutions": {"LaunchConfiguration": _Configuration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": _node},
        "launch_ros.parameter_descriptions": {"ParameterValue": _Value},
    }
    before = {name: sys.modules.get(name) for name in (*names, SHARED)}
    sys.modules.pop(SHARED, None)  # it binds what it imports
    for name, content in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = old


def make_verbs() -> set[str]:
    """Every target of the Makefile that ``make help`` lists."""
    return set(re.findall(r"^([a-z-]+):[^#\n]*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def options() -> dict[str, set[str]]:
    """Verb of the command line ("trial", "bench sweep") -> its long options and arguments, as typer shows them."""
    import typer

    from embodiedcomp_eval.cli import make_app

    found: dict[str, set[str]] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            found[" ".join(words)] = {name for o in command.params for name in o.opts if name.startswith("--")}
        for name, child in (children or {}).items():
            walk(child, (*words, name))

    walk(typer.main.get_command(make_app()), ())
    return found


def tutorial_commands(page: str = "tutorial.md") -> list[list[str]]:
    """Command lines of the tutorial, or of another page below docs/, continued lines joined, comments cut."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]
