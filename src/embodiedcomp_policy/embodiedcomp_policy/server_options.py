"""A policy server's address with the options that say how to talk to it: ``ws://host:8000?keys=libero&robot=panda``.

One parameter carries all, as users write it; what isn't known is refused, naming what is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from embodiedcomp_policy.policy import PolicyError


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
