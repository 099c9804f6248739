"""How often an interval of the threshold holds the truth, and how wide it is: tried on made-up policies. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.adaptive import SHARE, ThresholdSearch
from embodiedcomp_eval.made_up import SHAPES, World
from embodiedcomp_eval.threshold import Curve, bootstrap_interval, interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LOWEST, HIGHEST = 0.01, 0.1
"""Rates that may be tried, bpp."""
THRESHOLDS = (0.018, 0.055)
"""The true threshold is drawn between these, so that it has no fixed place between the grid's rates."""
POLICIES = ((0.99, 0.5), (0.9, 0.8))
"""Uncompressed success rate, and how much of an episode's luck its seed has at all rates."""
STEPS = 21
"""Rates that the search may try."""
DRAWS = 200
"""Of the bootstrap."""
GRID, BOOTSTRAP, SEARCH = "grid", "grid, bootstrap percentiles", "search"


@dataclass(frozen=True)
class Outcome:
    """Of one method on one kind of policy. covered: share of intervals that hold the truth. width: of the interval in log
    rate, mean and median; an open end counts to the end of the rates that may be tried. open_low, open_high: share of
    intervals without that end. episodes: mean, without the uncompressed run."""

    covered: float
    mean_width: float
    median_width: float
    open_low: float
    open_high: float
    episodes: float


@dataclass(frozen=True)
class Case:
    """One kind of policy: a shape of the curve, the uncompressed success rate, and the seeds' share in luck."""

    shape: str
    top: float
    luck: float

    def run(self, seeds: int, rates: int, repetition: int) -> dict[str, tuple[float, float, float, int]]:
        """Method -> (low, high, true threshold, episodes)."""
        generator = np.random.default_rng([repetition, list(SHAPES).index(self.shape), round(100 * self.top)])
        truth = float(np.exp(generator.uniform(*np.log(THRESHOLDS))))
        grid, steps = np.geomspace(LOWEST, HIGHEST, rates), np.geomspace(LOWEST, HIGHEST, STEPS)
        world = World(SHAPES[self.shape], truth, self.top, self.luck)
        success, baseline = world.outcomes(np.concatenate([grid, steps]), seeds, generator)
        on_grid, on_steps = success[:rates], success[rates:]
        everything = np.ones((rates, seeds), bool)
        bits = np.repeat(grid[:, None], seeds, axis=1)
        curve = Curve(everything, on_grid, bits, np.ones((rates, seeds)), baseline)
        search = ThresholdSearch(steps.tolist(), baseline, int(SHARE * rates * seeds))
        while (block := search.next_block()) is not None:
            for seed in block.seeds:
                search.update(block.rate, seed, bool(on_steps[block.rate, seed]))
        tried = search.ran.any(axis=1)
        found = interval(steps[tried], search.ran[tried], search.success[tried], baseline)
        return {
            BOOTSTRAP: (*bootstrap_interval(curve, draws=DRAWS), truth, rates * seeds),
            GRID: (*interval(grid, everything, on_grid, baseline), truth, rates * seeds),
            SEARCH: (*found, truth, search.episodes),
        }


@dataclass(frozen=True)
class Reach:
    """What a third of a grid's episodes can do at best on one curve: mean widths, as of ``Outcome``, of the full grid's interval
    and of that from the two rates that are best for someone who knows the curve."""

    grid: float
    two: float
    rates: tuple[float, float]


def reach(
    rates: Floats,
    success_rates: Floats,
    top: float,
    seeds: int,
    repetitions: int,
    tell: Callable[[], None] = lambda: None,
) -> Reach:
    """Simulate a policy with ``success_rates (P,)`` at a grid's ``rates (P,)``, straight between them in log rate.

    top: its uncompressed success rate. Two of twice as many rates are run in full: a third of a grid of six.
    """
    world = World(lambda x: np.interp(x, np.log(rates), success_rates / top), 1.0, top, POLICIES[0][1])
    steps = np.geomspace(rates[0], rates[-1], 2 * len(rates))
    pairs = list(itertools.combinations(range(len(steps)), 2))
    grid_widths, widths = [], np.zeros((repetitions, len(pairs)))
    for repetition in range(repetitions):
        success, baseline = world.outcomes(np.concatenate([rates, steps]), seeds, np.random.default_rng(repetition))
        grid_widths.append(_full_width(rates, success[: len(rates)], baseline, rates))
        on_steps = success[len(rates) :]
        for column, pair in enumerate(pairs):
            widths[repetition, column] = _full_width(steps[list(pair)], on_steps[list(pair)], baseline, rates)
        tell()
    best = int(widths.mean(axis=0).argmin())
    low, high = (float(steps[at]) for at in pairs[best])
    return Reach(float(np.mean(grid_widths)), float(widths[:, best].mean()), (low, high))


def _full_width(tried: Floats, success: Bools, baseline: Bools, rates: Floats) -> float:
    """Of the interval from rates that were run on all seeds; an end that is open reaches to that of ``rates``."""
    low, high = interval(tried, np.ones(success.shape, bool), success, baseline)
    low = tried[-1] if low == np.inf else max(low, rates[0])
    high = tried[0] if high == -np.inf else min(high, rates[-1])
    return float(np.log(high / low))


def cases() -> list[Case]:
    """Every shape with every kind of policy."""
    return [Case(shape, top, luck) for shape in SHAPES for top, luck in POLICIES]


def try_case(
    case: Case, repetitions: int, seeds: int, rates: int, tell: Callable[[], None] = lambda: None
) -> Mapping[str, Outcome]:
    """Method -> how it did. tell: called after each repetition."""
    found: dict[str, list[tuple[float, float, float, int]]] = {BOOTSTRAP: [], GRID: [], SEARCH: []}
    for repetition in range(repetitions):
        for method, result in case.run(seeds, rates, repetition).items():
            found[method].append(result)
        tell()
    return {method: _summarise(np.array(results)) for method, results in found.items()}


def _summarise(results: Floats) -> Outcome:
    low, high, truth, episodes = results.T
    ends = np.log(np.clip(np.stack([low, high]), LOWEST, HIGHEST))
    width = ends[1] - ends[0]
    slack = 1 + 1e-9
    return Outcome(
        covered=float(np.mean((low <= truth * slack) & (truth <= high * slack))),
        mean_width=float(width.mean()),
        median_width=float(np.median(width)),
        open_low=float(np.mean(low == -np.inf)),
        open_high=float(np.mean(high == np.inf)),
        episodes=float(episodes.mean()),
    )
