"""The rooms and the one-way imports hold in the real tree, and the checker finds what is planted in a false one."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from architecture import PACKAGES, Module, imports, is_ros, read_modules, violations

ROOT = Path(__file__).resolve().parent.parent
MODULES = read_modules(ROOT / "src")
ROSDEP_KEYS = {"numpy": "python3-numpy", "yaml": "python3-yaml", "PIL": "python3-pil", "scipy": "python3-scipy"}
"""Outside libraries that rosdep knows: they stand in package.xml; the others in requirements/."""
OTHER_NAMES = {"pinocchio": "pin"}
"""Modules whose distribution can't be told from the installed metadata."""
DIRECT = [ROOT / "requirements" / f"{name}.txt" for name in ("robot", "policy", "eval", "optional/lerobot")]
NOT_IMPORTED = {"rosidl_default_runtime", "ros2launch"}


def test_the_packages_are_found() -> None:
    assert {module.package for module in MODULES} == set(PACKAGES)


def test_every_line_stands_in_its_room() -> None:
    assert violations(MODULES) == []


PLANTED = {
    "rclpy in a concept": ("codec/frame.py", "import rclpy", "ROS belongs in nodes/"),
    "messages in a plug-in": ("codec/codecs/new.py", "from sensor_msgs.msg import Image", "ROS belongs in nodes/"),
    "our own messages in a concept": ("eval/trial.py", "from embodiedcomp_msgs.msg import TrialResult", "nodes/"),
    "ROS in a function": ("codec/frame.py", "def f():\n    from rclpy.node import Node", "ROS belongs in nodes/"),
    "ROS by name": ("codec/frame.py", "import importlib\nimportlib.import_module('rclpy')", "ROS belongs in nodes/"),
    "codec knows policy": ("codec/frame.py", "import embodiedcomp_policy.guard", "imports embodiedcomp_policy"),
    "policy knows codec": ("policy/nodes/policy.py", "import embodiedcomp_codec", "imports embodiedcomp_codec"),
    "codec knows eval": ("codec/nodes/link.py", "from embodiedcomp_eval import trial", "imports embodiedcomp_eval"),
    "eval picks a plug-in": ("eval/trial.py", "from embodiedcomp_codec.codecs import svtav1", "only its concepts"),
    "a concept picks another's training": (
        "eval/trial.py",
        "import embodiedcomp_policy.training.t",
        "only its concepts",
    ),
    "eval picks a node": ("eval/cli.py", "from embodiedcomp_codec.nodes.encoder import main", "only its concepts"),
    "concept imports plug-in": ("codec/frame.py", "from embodiedcomp_codec.codecs.new import N", "a concept imports"),
    "concept imports plug-in relatively": ("codec/frame.py", "from .codecs import new", "a concept imports"),
    "plug-in imports node relatively": ("codec/codecs/new.py", "from ..nodes import encoder", "a plug-in imports"),
    "concept imports cli in a function": ("eval/trial.py", "def f():\n    from . import cli", "imports the cli"),
    "plug-in imports a verb": (
        "eval/report/page.py",
        "from embodiedcomp_eval.commands import trial",
        "imports the cli",
    ),
    "node imports cli": ("eval/nodes/evaluator.py", "from embodiedcomp_eval.cli import main", "imports the cli"),
    "cli imports node": ("eval/cli.py", "import embodiedcomp_eval.nodes.evaluator", "imports the node"),
    "outside library in a concept": ("eval/statistics.py", "import torch", "and the standard library"),
    "YAML beside config": ("policy/robot.py", "import yaml", "and the standard library"),
    "argparse in a node": ("codec/nodes/link.py", "import argparse", "read in cli.py"),
    "argv in a node": ("codec/nodes/link.py", "import sys\nsys.argv", "sys.argv"),
    "print in a concept": ("codec/frame.py", "print('x')", "prints"),
    "exit in a node": ("codec/nodes/link.py", "import sys\nsys.exit(1)", "sys.exit"),
    "SystemExit in a concept": ("codec/frame.py", "raise SystemExit(2)", "SystemExit"),
    "pickle": ("policy/policies/new.py", "import pickle", "runs code from data"),
    "torch.load": ("policy/policies/new.py", "import torch\ntorch.load('w')", "weights_only"),
    "np.load": ("eval/trial.py", "import numpy as np\nnp.load('x', allow_pickle=True)", "allow_pickle"),
    "yaml.load": ("eval/config.py", "import yaml\nyaml.load('x', Loader=yaml.Loader)", "safe_load"),
    "trust_remote_code": ("policy/policies/new.py", "f(trust_remote_code=True)", "trust_remote_code"),
    "eval": ("eval/trial.py", "eval('1')", "calls eval"),
    "shell": ("eval/trial.py", "import subprocess\nsubprocess.run('ls', shell=True)", "shell"),
}
ALLOWED = {
    "codec/nodes/encoder.py": "import rclpy\nfrom sensor_msgs.msg import Image\nfrom embodiedcomp_codec.codecs import new",
    "codec/codecs/new.py": "import av\nfrom ..codec import Codec\nfrom . import other",
    "codec/frame.py": "import numpy as np\nfrom .codec import Codec\nfrom embodiedcomp_codec import packet",
    "eval/trial.py": "from embodiedcomp_codec.stream import EncoderStream\nfrom embodiedcomp_policy import guard",
    "eval/nodes/evaluator.py": "from embodiedcomp_policy.nodes.guard import helper",
    "eval/training/t.py": "from embodiedcomp_policy.training import examples",
    "eval/config.py": "import yaml\nyaml.safe_load('x')",
    "eval/commands/trial.py": "import rich\nprint(1)\nfrom embodiedcomp_eval import trial",
    "eval/cli.py": "import argparse, sys\nprint(sys.argv)\nfrom embodiedcomp_eval.report import page\nsys.exit(0)",
}


def plant(folder: Path, sources: dict[str, str]) -> list[Module]:
    """A small tree of the three packages with ``sources`` in it ("codec/frame.py" -> text)."""
    for short in ("codec", "policy", "eval"):
        for place in ("", "codecs", "nodes", "report"):
            top = folder / f"embodiedcomp_{short}" / f"embodiedcomp_{short}" / place
            top.mkdir(parents=True)
            (top / "__init__.py").touch()
        for name in ("codec.py", "guard.py", "packet.py", "stream.py", "cli.py"):
            (folder / f"embodiedcomp_{short}" / f"embodiedcomp_{short}" / name).touch()
    for place, text in sources.items():
        short, _, rest = place.partition("/")
        path = folder / f"embodiedcomp_{short}" / f"embodiedcomp_{short}" / rest
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return read_modules(folder)


@pytest.mark.parametrize("name", PLANTED)
def test_the_checker_finds(name: str, tmp_path: Path) -> None:
    place, text, expected = PLANTED[name]
    found = violations(plant(tmp_path, {place: text}))
    assert any(expected in line for line in found), found


def test_the_checker_lets_the_rest_pass(tmp_path: Path) -> None:
    assert violations(plant(tmp_path, ALLOWED)) == []


def declared(package: str) -> set[str]:
    """What a package.xml says the package needs to run."""
    tree = ElementTree.parse(ROOT / "src" / package / "package.xml")
    tags = ("depend", "exec_depend")
    return {str(element.text) for element in tree.getroot() if element.tag in tags} - NOT_IMPORTED


def imported(package: str) -> set[str]:
    """The tops of all that a package imports; the launch files count for the package that installs them."""
    own = [module for module in MODULES if module.package == package]
    if package == "embodiedcomp_eval":
        files = sorted((ROOT / "launch").rglob("*.py"))
        own += [Module(f"launch.nodes.{path.stem}", path, ast.parse(path.read_text()), False) for path in files]
    return {name.split(".")[0] for module in own for _, name in imports(module, set())} - {package, "__future__"}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_xml_names_the_ros_packages_that_are_imported(package: str) -> None:
    ros = {name for name in imported(package) if is_ros(name) or name in PACKAGES}
    python = {key for module, key in ROSDEP_KEYS.items() if module in imported(package)}
    used = ros | python
    assert used - declared(package) == set(), "imported, not declared"
    assert declared(package) - used == set(), "declared, not imported"


@pytest.mark.parametrize("package", PACKAGES)
def test_requirements_name_the_rest(package: str) -> None:
    lines = [line for path in DIRECT for line in path.read_text().splitlines()]
    required = {canonical(match[0]) for line in lines if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))}
    distributions = importlib.metadata.packages_distributions()
    for name in imported(package):
        if is_ros(name) or name in PACKAGES or name in sys.stdlib_module_names or name in ROSDEP_KEYS:
            continue
        providers = {canonical(provider) for provider in distributions.get(name, [OTHER_NAMES.get(name, name)])}
        assert providers & required, f"{package} imports {name}, which no requirements/*.txt provides"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_module_reads_as_one_concept() -> None:
    long = {module.name: count for module in MODULES if (count := len(module.path.read_text().splitlines())) > 400}
    assert long == {}, "split these"
