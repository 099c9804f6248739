"""Reads the sources of the three packages as syntax trees and says where they break the rules of the rooms.

Where a line of code may live (docs/development.md):

- ``nodes/``: the only place that imports rclpy or a message package;
- ``cli.py``, with one file per verb in ``commands/``: the only place that reads argv, prints, or exits;
- any other sub-folder (``codecs/``, ``policies/``, ...) holds plug-ins: the only place, beside those two, that imports
  an outside library;
- a module directly in the package is a concept: numpy, scipy and the standard library, YAML in ``config.py`` alone.

Imports point one way: concept <- plug-ins <- nodes and cli. The codec and the policy package know neither each other
nor the evaluation; the evaluation knows their concepts alone. Nothing turns foreign data into code.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("embodiedcomp_codec", "embodiedcomp_policy", "embodiedcomp_eval")
MAY_IMPORT = {
    "embodiedcomp_codec": {"embodiedcomp_codec"},
    "embodiedcomp_policy": {"embodiedcomp_policy"},
    "embodiedcomp_eval": set(PACKAGES),
}
RANK = {"concept": 0, "plug-in": 1, "node": 2, "cli": 2}
ROS_MODULES = {"rclpy", "builtin_interfaces", "launch", "launch_ros", "ament_index_python", "rosidl_runtime_py"}
PURE = {"numpy", "scipy", "statsmodels"} | set(sys.stdlib_module_names)
"""What a concept may use: functions of numbers, testable without ROS, files, clocks or sockets."""
SHARED_FOLDERS = {"training"}
"""Beside its concepts, what a package offers to plug-ins and verbs of others: the format of its training examples."""
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
COMMAND_LINE_MODULES = {"argparse", "typer", "click", "optparse", "getopt"}
LATE_IMPORTS = {"importlib.import_module", "import_module", "__import__"}
EXITS = {"sys.exit", "os._exit", "os.abort", "exit", "quit"}
UNSAFE_YAML = {"load", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}


@dataclass(frozen=True)
class Module:
    """One source file: dotted name (``embodiedcomp_codec.codecs.pillow``), syntax tree, and the room it stands in."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def room(self) -> str:
        return room(self.name, self.is_package)


def room(name: str, is_package: bool = False) -> str:
    """Which room the module of this dotted name stands in."""
    parts = name.split(".")[1:]
    if parts[:1] == ["nodes"]:
        return "node"
    if parts[:1] in (["cli"], ["commands"]):
        return "cli"
    return "plug-in" if len(parts) > 1 or (is_package and parts) else "concept"


def read_modules(source: Path) -> list[Module]:
    """Every module below ``source`` (the repository's src/), tests and build files aside."""
    found = []
    for package in PACKAGES:
        top = source / package / package
        for path in sorted(top.rglob("*.py")):
            parts = path.relative_to(top.parent).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found.append(Module(name, path, ast.parse(path.read_text(), str(path)), is_package))
    return found


def imports(module: Module, known: set[str]) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, relative and function-local ones included; ``known`` are our own modules."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.name.split(".")
                up = node.level - 1 if module.is_package else node.level
                base = ".".join(here[: len(here) - up] + ([node.module] if node.module else []))
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield node.lineno, whole if whole in known else base
        elif isinstance(node, ast.Call) and dotted(node.func) in LATE_IMPORTS and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute expression, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def is_ros(name: str) -> bool:
    """Whether the top of a dotted name is a ROS package."""
    top = name.split(".", maxsplit=1)[0]
    return top in ROS_MODULES or top.endswith(("_msgs", "_srvs")) or top.startswith(("rosidl_", "rcl"))


def violations(modules: list[Module]) -> list[str]:
    """One line per broken rule, ``module:line: what``."""
    known = {module.name for module in modules}
    packages = {module.name for module in modules if module.is_package}
    found: list[str] = []
    for module in modules:
        for line, name in imports(module, known):
            found += [f"{module.name}:{line}: {what}" for what in import_rules(module, name, packages)]
        for node in ast.walk(module.tree):
            line = getattr(node, "lineno", 0)
            found += [f"{module.name}:{line}: {what}" for what in code_rules(module, node)]
    return list(dict.fromkeys(found))


def import_rules(module: Module, name: str, packages: set[str]) -> Iterator[str]:
    """What is wrong with ``module`` importing ``name``."""
    top = name.split(".", maxsplit=1)[0]
    if is_ros(name):
        if module.room != "node":
            yield f"a {module.room} imports {name}; ROS belongs in nodes/"
    elif top in PACKAGES:
        target = room(name, name in packages)
        if top not in MAY_IMPORT[module.package]:
            yield f"{module.package} imports {top}"
        elif top != module.package and target != "concept" and not shares(module, name):
            yield f"imports {name}; from another package only its concepts may be used"
        elif RANK[target] > RANK[module.room] or {target, module.room} == {"node", "cli"}:
            yield f"a {module.room} imports the {target} {name}"
    elif top in FORBIDDEN_MODULES:
        yield f"imports {name}, which runs code from data"
    elif top in COMMAND_LINE_MODULES:
        if module.room != "cli":
            yield f"a {module.room} imports {name}; command lines are read in cli.py"
    elif module.room == "concept" and top not in PURE:
        reads_yaml = top == "yaml" and module.name.split(".")[-1] == "config"
        if not reads_yaml:
            yield f"a concept imports {name}; it may use numpy, scipy and the standard library"


def shares(module: Module, name: str) -> bool:
    """Whether ``name`` lies in a folder that this room of another package may use; nodes share ROS helpers."""
    if module.room == "node" and room(name) == "node":
        return True
    return module.room in ("plug-in", "cli") and name.split(".")[1] in SHARED_FOLDERS


def code_rules(module: Module, node: ast.AST) -> Iterator[str]:
    """What is wrong with one expression or statement."""
    outside_cli = module.room != "cli"
    if isinstance(node, ast.Raise) and node.exc is not None and outside_cli:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if dotted(raised) == "SystemExit":
            yield "raises SystemExit outside cli.py"
    if isinstance(node, ast.Attribute) and dotted(node) == "sys.argv" and outside_cli:
        yield "reads sys.argv outside cli.py"
    if not isinstance(node, ast.Call):
        return
    name = dotted(node.func)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if name == "print" and outside_cli:
        yield "prints outside cli.py"
    if name in EXITS and outside_cli:
        yield f"calls {name} outside cli.py"
    if name in ("eval", "exec"):
        yield f"calls {name}"
    if name.startswith("yaml.") and name.split(".")[-1] in UNSAFE_YAML:
        loader = given.get("Loader")
        if loader is None or not dotted(loader).endswith("SafeLoader"):
            yield f"calls {name}; use yaml.safe_load"
    if name == "torch.load" and not is_true(given.get("weights_only")):
        yield "calls torch.load without weights_only=True"
    if name in ("numpy.load", "np.load") and is_true(given.get("allow_pickle")):
        yield "loads arrays with allow_pickle=True"
    if is_true(given.get("trust_remote_code")):
        yield "passes trust_remote_code=True"
    if name == "os.system" or is_true(given.get("shell")):
        yield "starts a shell"


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
