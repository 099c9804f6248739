"""Where this package's YAML files lie and how they are read: the one place that touches the file system for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

PACKAGE = "embodiedcomp_policy"


class ConfigError(ValueError):
    """A configuration file that can't be used; the message names the file, the value and the valid choices."""


def config_folders(kind: str) -> list[Path]:
    """The folders that may hold ``kind`` (such as "robots"), best first: overlays, this interpreter's, the checkout's."""
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    folders = [prefix / "share" / PACKAGE / "config" / kind for prefix in [*prefixes, Path(sys.prefix)]]
    folders.append(Path(__file__).resolve().parents[3] / "config" / kind)
    return [folder for folder in folders if folder.is_dir()]


def find_config(kind: str, name_or_path: str) -> Path:
    """The YAML file of that name or path. Raises ConfigError naming what there is."""
    if name_or_path.endswith((".yaml", ".yml")) or os.sep in name_or_path:
        path = Path(name_or_path).expanduser()
        if path.is_file():
            return path
        raise ConfigError(f"no such file: {name_or_path}")
    folders = config_folders(kind)
    for folder in folders:
        path = folder / f"{name_or_path}.yaml"
        if path.is_file():
            return path
    names = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise ConfigError(f"unknown {kind.removesuffix('s')} '{name_or_path}'; there are: {', '.join(names) or 'none'}")


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds. Raises ConfigError on anything else."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping, found {type(data).__name__}")
    return data


def check_keys(where: str, data: Mapping[str, Any], required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Raise ConfigError for a key that is missing or unknown, naming the valid ones."""
    required, optional = tuple(required), tuple(optional)
    unknown = [str(key) for key in data if key not in required and key not in optional]
    if unknown:
        raise ConfigError(f"{where}: unknown key '{unknown[0]}'; valid keys: {', '.join((*required, *optional))}")
    missing = [key for key in required if key not in data]
    if missing:
        raise ConfigError(f"{where}: key '{missing[0]}' is missing; valid keys: {', '.join((*required, *optional))}")
