"""What the verbs share: how to talk to a terminal, and which errors are the user's."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_eval.bags.errors import BagError
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_policy.config import ConfigError as PolicyConfigError
from embodiedcomp_policy.policy import PolicyError

USER_ERRORS = (ConfigError, PolicyConfigError, CodecError, PolicyError, ResultsError, BagError)
"""Raised for what the user can put right: one line, exit status 2, no traceback."""


def complain(message: str) -> None:
    """One line to standard error, never wrapped."""
    print(message, file=sys.stderr)


def progress(estimate: bool = True) -> Progress:
    """A progress bar on standard error; without a terminal it prints nothing but its last state.

    estimate: show the bar's own guess of the time left (False where the verb has a better one).
    """
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    return Progress(*columns, *([TimeRemainingColumn()] if estimate else []), console=Console(stderr=True))


def show_table(title: str, rows: list[tuple[str, str]]) -> None:
    """Names and values, two columns."""
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def number(value: Any, form: str = ".4g", unit: str = "") -> str:
    """A number for people; a dash where there is none."""
    return "–" if value is None else f"{value:{form}}{' ' + unit if unit else ''}"


def camera_pair(text: str) -> tuple[str, str]:
    """``NAME=TOPIC``. Raises ConfigError."""
    name, equals, topic = text.partition("=")
    if not (name and equals and topic):
        raise ConfigError(f"camera {text!r} is not NAME=TOPIC")
    return name, topic
