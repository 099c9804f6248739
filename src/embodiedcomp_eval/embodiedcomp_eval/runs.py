"""Who ran what: for each results folder its episodes, its failed attempts, and the commits and processors that took part."""

from __future__ import annotations

from collections.abc import Mapping
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


def _distinct(runs: list[Mapping[str, Any]], *keys: str) -> list[str]:
    """Each run's value of the first key that it has, once each."""
    return list(dict.fromkeys(next((str(run[key]) for key in keys if key in run), "unknown") for run in runs))
