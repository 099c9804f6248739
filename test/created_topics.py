"""The topics and services that a node makes, read from its file and from those beside it that it uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

CREATE = {
    "create_publisher", "create_lifecycle_publisher", "create_subscription", "create_service",
}  # fmt: skip
GAP = ".+"
"""What is filled in when the node runs."""
Expression = tuple[str, str]
"""File name, and what stands in it for a topic's name."""


def rooms(source: Path) -> list[Path]:
    """A node's file, those of its package's ``nodes`` that it imports, one through the other, and an evaluator's judges."""
    found: list[Path] = []
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.append(path)
        used = [file for name, file in _imported(path).items() if not name.isupper()]  # a constant makes no topic
        waiting += [file for file in used if file.parent == source.parent]
    judges = sorted((source.parents[1] / "success").glob("*.py")) if source.name == "evaluator.py" else []
    return [*sorted(found), *judges]


def created(source: Path, told: Mapping[Expression, tuple[str, ...]]) -> dict[str, str]:
    """Regular expression of each name -> the file that makes it.

    told: what an expression stands for, where the code alone doesn't say. KeyError for one that it lacks.
    """
    found: dict[str, str] = {}
    for path in rooms(source):
        tree = ast.parse(path.read_text())
        texts = _texts(path, tree)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CREATE):
                continue
            if len(node.args) < 2:
                continue
            name = node.args[1]
            known = told.get((path.name, ast.unparse(name)))
            patterns = [re.escape(one) for one in known] if known is not None else _patterns(name, texts)
            if known is None and (not patterns or f"{GAP}/{GAP}" in patterns):
                raise KeyError(f"{path.name}: which topics is {ast.unparse(name)}?")
            found.update(dict.fromkeys(patterns, path.name))
    return found


def is_named(pattern: str, text: str) -> bool:
    """Whether something in backquotes fits; ``<image>`` and the like stand for any name."""
    return any(re.fullmatch(pattern, name) for name in re.findall(r"`([^`\n]+)`", text))


def _patterns(node: ast.expr, texts: Mapping[str, list[str]]) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [re.escape(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else GAP for v in node.values)]
    if isinstance(node, ast.Name):
        return texts.get(node.id, [])
    return []


def _texts(path: Path, tree: ast.Module) -> dict[str, list[str]]:
    """Name -> patterns of the texts that it is given anywhere in the file, or in the module that it is imported from."""
    found: dict[str, list[str]] = {}
    for name, file in _imported(path).items():
        for assigned, patterns in _assigned(ast.parse(file.read_text()).body):
            if assigned == name or name == "*":
                found[assigned] = patterns
    for name, patterns in _assigned(ast.walk(tree)):
        found.setdefault(name, []).extend(patterns)
    return found


def _assigned(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[str, list[str]]]:
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, _patterns(node.value, {})


def _imported(path: Path) -> dict[str, Path]:
    """Name -> file, of what is imported from the same source tree."""
    root = next(parent for parent in path.parents if (parent / "setup.py").is_file()).parent
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("embodiedcomp_"):
            continue
        package = str(node.module).split(".")[0]
        base = root / package / str(node.module).replace(".", "/")
        for alias in node.names:
            for file in (base / f"{alias.name}.py", base.with_suffix(".py")):
                if file.is_file():
                    found[alias.asname or alias.name] = file
                    break
    return found
