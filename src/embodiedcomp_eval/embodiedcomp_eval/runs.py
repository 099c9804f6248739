"""Who ran what: for each results folder its episodes, its failed attempts, and the commits and processors that took part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embodiedcomp_eval.sources import Results


def sweep_rows(results: Results, finished: Mapping[str, int]) -> list[dict[str, Any]]:
    """One row per folder: ``sweep, cells, episodes, infrastructure_errors, commits, processors, primary``.

    finished: cell -> episodes. infrastructure_errors: every attempt in the folder's record, those of cells that are no point
    among them. primary: candidate and anchor of the comparison declared before the run; None without one.
    """
    declared = {declaration.sweep: declaration.primary for declaration in results.declarations}
    rows = []
    for name, cells in results.cells.items():
        facts = results.facts.get(name) or {}
        runs = [facts, *facts.get("resumed", ())]
        primary = declared.get(name)
        rows.append(
            {
                "sweep": name,
                "cells": len(cells),
                "episodes": sum(finished.get(cell, 0) for cell in cells),
                "infrastructure_errors": results.failures[name],
                "commits": _distinct(runs, "commit"),
                "processors": _distinct(runs, "processor", "machine"),
                "primary": None if primary is None else [primary.candidate, primary.anchor],
            }
        )
    return rows


def mixture_warning(folder: Path, mixed: Mapping[str, tuple[Any, Any]]) -> str:
    """One line for a sweep that goes on with other facts than it had. mixed: which, as they were and as they are."""
    words = []
    for key, (before, now) in mixed.items():
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
            words.append(f"versions of {', '.join(names)}")
        else:
            short = [str(value)[:12] if key == "commit" else str(value) for value in (before, now)]
            words.append(f"{key} {short[0]} -> {short[1]}")
    return (
        f"warning: {folder} goes on with another {'; '.join(words)}: its cells will mix episodes of both; choose another "
        "--out to keep them apart"
    )


def _distinct(runs: list[Mapping[str, Any]], *keys: str) -> list[str]:
    """Each run's value of the first key that it has, once each."""
    return list(dict.fromkeys(next((str(run[key]) for key in keys if key in run), "unknown") for run in runs))
