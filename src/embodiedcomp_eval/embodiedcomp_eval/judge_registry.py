"""Judges by name: the entry point group ``embodiedcomp.success``. Only those asked for are imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from embodiedcomp_eval.config import ConfigError, from_mapping
from embodiedcomp_eval.judging import Judge, Setting, bad_options
from embodiedcomp_eval.judging_panel import Panel

GROUP = "embodiedcomp.success"


def judge_names() -> list[str]:
    """Names of the installed judges, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def judge_classes(success: str) -> dict[str, type[Judge]]:
    """The judges of ``"object_pose,operator"``, in their order. Raises ConfigError naming the choices."""
    names = [name.strip() for name in success.split(",") if name.strip()]
    points = {point.name: point for point in entry_points(group=GROUP)}
    unknown = next((name for name in names if name not in points), None)
    if unknown is not None or not names:
        raise ConfigError(f"unknown success {unknown or success!r}; choose from {', '.join(sorted(points)) or 'none'}")
    if len(set(names)) != len(names):
        raise ConfigError(f"success {success!r} names a judge twice")
    return {name: points[name].load() for name in names}


def make_panel(success: str, options: Mapping[str, Mapping[str, Any]], setting: Setting) -> Panel:
    """The judges that ``success`` names, each with its options (by name). Raises ConfigError with one line."""
    classes = judge_classes(success)
    stray = next((name for name in options if name not in classes), None)
    if stray is not None:
        raise ConfigError(f"options for {stray!r}, which is none of the judges: {', '.join(classes)}")
    judges = []
    for name, cls in classes.items():
        made: Any = from_mapping(cls.Options, options.get(name, {}), f"success {name}")
        if (wrong := bad_options(made)) is not None:
            raise ConfigError(f"{name}.{wrong}")
        judges.append(cls(made, setting))  # type: ignore[call-arg]
    return Panel(judges)
