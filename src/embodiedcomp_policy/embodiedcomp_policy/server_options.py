"""A policy server's address with the options that say how to talk to it: ``ws://host:8000?keys=libero&robot=panda``.

One parameter carries all, as users write it; what isn't known is refused, naming what is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from embodiedcomp_policy.action_space import ActionSpace
from embodiedcomp_policy.policy import PolicyError

SPACE_OPTIONS: Mapping[str, str] = dict.fromkeys(("period", "gripper", "scale", "turn_scale", "turn", "frame"), "")
"""What a user may say of the numbers a checkpoint answers with; empty: as the backend's own default."""


def parse_server(
    policy: str, server: str | None, schemes: tuple[str, ...], defaults: Mapping[str, str], example: str
) -> tuple[str, dict[str, str]]:
    """The bare URL, and every option of ``defaults`` with the value given or its default. Raises PolicyError."""
    if not server:
        raise PolicyError(f"policy '{policy}' needs server:=URL, such as {example}")
    parts = urlsplit(server)
    try:
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if parts.scheme not in schemes or not parts.hostname or not port_is_right:
        raise PolicyError(f"'{server}' is no address for policy '{policy}'; valid: such as {example}")
    options = dict(defaults)
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in options:
            raise PolicyError(f"unknown option '{key}' in '{server}'; policy '{policy}' knows: {', '.join(defaults)}")
        options[key] = value
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), options


def choose(options: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str:
    """The value of an option that is one of ``choices``."""
    if options[key] not in choices:
        raise PolicyError(f"unknown {key} '{options[key]}'; there are: {', '.join(choices)}")
    return options[key]


def number(options: Mapping[str, str], key: str, low: float, high: float) -> float:
    """The value of an option that is a number from ``low`` to ``high``."""
    try:
        value = float(options[key])
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise PolicyError(f"{key} must be a number from {low:g} to {high:g}, not '{options[key]}'")
    return value


def two_numbers(options: Mapping[str, str], key: str) -> tuple[float, float]:
    """The value of an option that is two different numbers, ``OPEN,CLOSED``."""
    try:
        first, second = (float(part) for part in options[key].split(","))
    except ValueError:
        first = second = 0.0
    if first == second or not (math.isfinite(first) and math.isfinite(second)):
        raise PolicyError(f"{key} must be two different numbers OPEN,CLOSED, not '{options[key]}'")
    return first, second


def told_space(space: ActionSpace, options: Mapping[str, str], whose: str) -> ActionSpace:
    """``space`` with what the user says in ``SPACE_OPTIONS``. Raises PolicyError for what means nothing to its kind."""
    for option, right in {
        "scale": space.kind != "joint",
        "turn_scale": space.kind == "tool_delta",
        "turn": space.kind == "tool_delta",
        "frame": space.kind == "tool_delta",
    }.items():
        if options[option] and not right:
            raise useless(option, whose, space)
    if options["period"]:
        space = replace(space, period_ns=round(1e9 * number(options, "period", 0.001, 10.0)))
    if options["gripper"]:
        opened, closed = two_numbers(options, "gripper")
        space = replace(space, gripper_open=opened, gripper_closed=closed)
    for option in ("scale", "turn_scale"):
        if options[option]:
            space = replace(space, **{option: number(options, option, 1e-4, 10.0)})  # type: ignore[arg-type]
    if options["turn"]:
        space = replace(space, turn=choose(options, "turn", ("vector", "rpy")))  # type: ignore[arg-type]
    if options["frame"]:
        space = replace(space, frame=choose(options, "frame", ("base", "tool")))  # type: ignore[arg-type]
    return space


def useless(option: str, whose: str, space: ActionSpace) -> PolicyError:
    """The error that an option means nothing here."""
    return PolicyError(f"option '{option}' means nothing to {whose}: their actions are {space.kind}")
