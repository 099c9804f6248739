"""What of the planned episodes is there, sweep by sweep: a report of a part says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embodiedcomp_eval.sweep_config import sweep_from_mapping


def plan_of(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per sweep folder: ``sweep, planned, run, first, last, whole_through``.

    first, last: seeds of the plan. whole_through: the last seed up to which every cell has each of its seeds; None if the
    first is missing somewhere. A search has no plan (its episodes are chosen while it runs), nor has a single trial.
    """
    rows = []
    for name, configuration in evaluation["configurations"].items():
        if "cells" not in configuration or configuration.get("search_episodes"):
            continue
        plan = sweep_from_mapping(configuration, name)
        missing, run = [], 0
        for cell in plan.cells:
            there = {int(seed) for seed in evaluation["outcomes"].get(cell.name, {})}
            run += len(there)
            missing += [seed for seed in cell.seeds if seed not in there]
        seeds = sorted({seed for cell in plan.cells for seed in cell.seeds})
        whole = [seed for seed in seeds if not missing or seed < min(missing)]
        rows.append(
            {
                "sweep": name, "planned": plan.episodes, "run": run, "first": seeds[0], "last": seeds[-1],
                "whole_through": whole[-1] if whole else None,
            }
        )  # fmt: skip
    return rows
