"""What decides the outcome of a trial on a robot, as ``config.yaml`` and a bag's metadata keep it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embodiedcomp_eval.config import ConfigError

KEY = "judging"
"""Beside the options of a trial in the ``configuration`` of a robot's results."""

KEYS = {"success", "options", "topics"}


@dataclass(frozen=True)
class Judging:
    """success: names of judges, comma-separated. options: of each, by name; those that are not set are left out.

    topics: a judge's input -> the topic that it was remapped to.
    """

    success: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        """As it is written down."""
        kept = {
            name: {key: value for key, value in options.items() if not (isinstance(value, float) and math.isnan(value))}
            for name, options in self.options.items()
        }
        return {"success": self.success, "options": kept, "topics": dict(self.topics)}


def options_of_trial(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the trial alone, for ``trial_from_mapping``."""
    return {key: value for key, value in configuration.items() if key != KEY}


def judging_of(configuration: Mapping[str, Any], where: str) -> Judging | None:
    """What was decided by; None where it was ground truth. Raises ConfigError."""
    found = configuration.get(KEY)
    if found is None:
        return None
    whole = isinstance(found, Mapping) and set(found) == KEYS
    if not whole or not all(isinstance(found[key], Mapping) for key in ("options", "topics")):
        raise ConfigError(f"{where}: {KEY} must hold {', '.join(sorted(KEYS))}, found {found!r}")
    return Judging(str(found["success"]), found["options"], found["topics"])
