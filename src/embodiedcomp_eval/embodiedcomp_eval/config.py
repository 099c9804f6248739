"""Configuration files: strict YAML in, checked dataclasses out. An error names the file, the key and the valid keys."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")

CONFIG_KINDS = ("tasks", "robots", "links", "sweeps", "policies", "codecs")


class ConfigError(ValueError):
    """The user's configuration is wrong; the message names the value and the valid choices in one line."""


def config_roots() -> list[Path]:
    """Folders that may hold ``config/``: the checkout, then the share folder of every sourced workspace."""
    checkout = Path(__file__).resolve().parents[3] / "config"
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    shares = [Path(prefix) / "share" / "embodiedcomp_eval" / "config" for prefix in prefixes]
    return [root for root in (checkout, *shares) if root.is_dir()]


def config_names(kind: str) -> list[str]:
    """Names of the shipped configurations of one kind (``tasks``, ``links``, …), sorted."""
    return sorted({path.stem for root in config_roots() for path in (root / kind).glob("*.yaml")})


def config_path(kind: str, name: str) -> Path:
    """The file of a shipped configuration, or of a path that the user gave. Raises ConfigError naming the choices."""
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise ConfigError(f"no such file: {name}")
    for root in config_roots():
        path = root / kind / f"{name}.yaml"
        if path.is_file():
            return path
    raise ConfigError(
        f"unknown {kind.removesuffix('s')} {name!r}; choose from {', '.join(config_names(kind)) or 'none'}"
    )


def config_file(name: str) -> Path:
    """A file directly in ``config/``. Raises ConfigError where this installation has none."""
    for root in config_roots():
        if (root / name).is_file():
            return root / name
    raise ConfigError(f"no config/{name} in {', '.join(map(str, config_roots())) or 'this installation'}")


class _StrictLoader(yaml.SafeLoader):
    """YAML forbids a key that is there twice in one mapping; PyYAML takes the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} is there twice", problem_mark=key.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping safely. Raises ConfigError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """One YAML mapping; ``where`` starts each error. Raises ConfigError."""
    try:
        loader = _StrictLoader(text)
        try:
            loaded = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{where}: expected keys and values, found {type(loaded).__name__}")
    return loaded


def dump_yaml(content: Mapping[str, Any]) -> str:
    """The text of a YAML file that ``load_yaml`` reads back, keys in their order."""
    return str(yaml.safe_dump(dict(content), sort_keys=False, width=120))


def load_dataclass(cls: type[T], kind: str, name: str) -> T:
    """Load ``config/KIND/NAME.yaml`` (or a path) as ``cls``."""
    path = config_path(kind, name)
    return from_mapping(cls, load_yaml(path), str(path))


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build the dataclass ``cls`` from ``values``; ``where`` starts each error. Unknown, missing and mistyped keys fail."""
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}; valid keys: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: missing key {name!r}; valid keys: {', '.join(fields)}")
    checked = {key: _checked(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    return cls(**checked)


def _checked(value: Any, hint: Any, where: str) -> Any:
    """``value`` as the annotated type, or ConfigError: ints serve as floats, lists as tuples, null as NaN."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f"{where}: {value!r} is none of {', '.join(map(str, arguments))}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _checked(value, next(a for a in arguments if a is not type(None)), where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: expected a list, found {value!r}")
        return tuple(_checked(item, arguments[0], where) for item in value)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: expected keys and values, found {value!r}")
        return value
    if hint is float:
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{where}: expected a number, found {value!r}")
        return float(value)
    if hint is Any:
        return value
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
