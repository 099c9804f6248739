"""A sweep that finds one codec's threshold instead of running every rate on every seed (``search_episodes`` in its YAML).

It is a sweep in all else: the same folder, engine, retries and report. The search asks for a block of episodes, which run
in parallel; what the folder already holds is not run again, so a search that was killed goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embodiedcomp_eval.adaptive import ThresholdSearch
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.points import curve_name, is_reference, reference_conditions
from embodiedcomp_eval.sweep import Engine, Progress, run_sweep
from embodiedcomp_eval.sweep_config import TARGETS, Cell, SweepConfig
from embodiedcomp_eval.sweep_folder import SweepFolder


@dataclass(frozen=True)
class SearchPlan:
    """reference: the uncompressed cell. cells: one codec's, by ascending target, all on the reference's seeds."""

    reference: Cell
    cells: tuple[Cell, ...]
    targets: tuple[float, ...]


def search_plan(config: SweepConfig, where: str) -> SearchPlan:
    """Sort the sweep's cells into uncompressed and searched. Raises ConfigError where they are no search."""
    references = [cell for cell in config.cells if is_reference(cell.trial.to_mapping())]
    cells = [cell for cell in config.cells if cell not in references]
    options = [cell.trial.to_mapping() for cell in cells]
    if len(references) != 1:
        raise ConfigError(
            f"{where}: search_episodes needs one uncompressed cell (codec: none), found {len(references)}"
        )
    curves = {(curve_name(o), *reference_conditions(o)) for o in options}
    kinds = {key for o in options for key in TARGETS if o[key] == o[key] and o[key] is not None}
    if len(cells) < 3 or len(curves) != 1 or len(kinds) != 1:
        raise ConfigError(
            f"{where}: search_episodes needs one codec at three rates or more, all of one kind; found {len(cells)} cells of "
            f"{len(curves)} codecs or conditions, with {', '.join(sorted(kinds)) or 'no target'}"
        )
    if any(cell.seeds != references[0].seeds for cell in cells):
        raise ConfigError(f"{where}: search_episodes needs all cells on the same seeds")
    if reference_conditions(options[0]) != reference_conditions(references[0].trial.to_mapping()):
        raise ConfigError(
            f"{where}: search_episodes: the uncompressed cell is run under other conditions than the codec"
        )
    if config.primary or config.secondary or config.anchor:
        raise ConfigError(f"{where}: search_episodes leaves nothing to compare: remove primary, secondary and anchor")
    (kind,) = kinds
    in_order = sorted(cells, key=lambda cell: float(cell.trial.to_mapping()[kind]))
    targets = tuple(float(cell.trial.to_mapping()[kind]) for cell in in_order)
    return SearchPlan(references[0], tuple(in_order), targets)


def run_search(
    config: SweepConfig,
    plan: SearchPlan,
    folder: SweepFolder,
    engine: Engine,
    tell: Callable[[Progress], None],
    now: Callable[[], float] = time.monotonic,
) -> Progress:
    """Run the uncompressed cell, then what the search asks for. Ends early if an episode can't be had: what is asked next
    depends on it. The time to finish is that of the whole budget, at the mean pace so far: the search may end before.
    Raises ResultsError where the disk takes no more."""
    seeds = plan.reference.seeds
    overall = Progress(len(seeds) + config.search_episodes, 0)
    started = now()

    def run(part: list[tuple[Cell, int]]) -> bool:
        before = overall.found, overall.done, overall.failures

        def tell_overall(of_part: Progress) -> None:
            overall.found, overall.done = before[0] + of_part.found, before[1] + of_part.done
            overall.failures, overall.given_up = before[2] + of_part.failures, of_part.given_up
            overall.last_failure = of_part.last_failure or overall.last_failure
            if overall.done:
                left = max(overall.total - overall.found - overall.done, 0)
                overall.seconds_left = left * (now() - started) / overall.done
            tell(overall)

        run_sweep(config, folder, engine, tell_overall, part=part)
        return not overall.given_up

    if not run([(plan.reference, seed) for seed in seeds]):
        return overall
    solved = _outcomes(folder, plan.reference)
    try:
        search = ThresholdSearch(plan.targets, np.array([solved[seed] for seed in seeds]), config.search_episodes)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    while (block := search.next_block()) is not None:
        cell = plan.cells[block.rate]
        if not run([(cell, seeds[i]) for i in block.seeds]):
            return overall
        outcomes = _outcomes(folder, cell)
        for i in block.seeds:
            search.update(block.rate, i, outcomes[seeds[i]])
    overall.total = len(folder)
    return overall


def _outcomes(folder: SweepFolder, cell: Cell) -> dict[int, bool]:
    """Seed -> success, of the cell's finished episodes."""
    return {line["seed"]: bool(line["success"]) for line in folder.index.lines(cell.name)}
