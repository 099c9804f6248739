"""Runs a sweep's episodes on an engine: one writer, retries counted apart, an honest time to finish."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from embodiedcomp_eval.sweep_config import Cell, SweepConfig
from embodiedcomp_eval.sweep_folder import SweepFolder
from embodiedcomp_eval.trial_config import TrialConfig

EPISODE_SECONDS = 900.0
"""An attempt at an episode that takes longer hangs: the slowest codec here needs about 90 s of frames for a whole episode."""


@dataclass(frozen=True)
class Work:
    """One episode to run. number: of the episode within its cell. save_frames: keep its pictures for the report.
    measure_quality: compare decoded pictures, and the actions they lead to, with their sources.
    """

    cell: str
    trial: TrialConfig
    number: int
    seed: int
    save_frames: bool = False
    measure_quality: bool = False


@dataclass(frozen=True)
class Done:
    """What a worker returns: the episode's line, saved pictures (relative name -> file), and the seconds it took."""

    line: dict[str, Any]
    frames: Mapping[str, bytes]
    seconds: float


Runner = Callable[[Work], Done]
"""Runs one episode; any exception is an infrastructure error."""


class Engine(Protocol):
    """Runs work somewhere. ``slots``: how many episodes run at once."""

    slots: int

    @property
    def in_flight(self) -> int: ...

    def submit(self, work: Work) -> None: ...

    def wait(self) -> tuple[Work, Done | str]:
        """Block until some submitted work ends; its result, or one line that says how it failed."""
        ...

    def close(self) -> None: ...


@dataclass
class Progress:
    """Counted so far. found: episodes that the folder held before. failures: attempts that died, not episodes.
    given_up: episodes whose last retry failed; they are missing, and the next run tries them again."""

    total: int
    found: int
    done: int = 0
    failures: int = 0
    given_up: int = 0
    last_failure: str = ""
    seconds_left: float | None = None
    """Estimate; None until an episode has ended."""


@dataclass
class Clock:
    """Estimates the time to finish from what each cell's own episodes took: a slow codec's remaining episodes are not
    assumed to be as quick as a fast one's. Cells without an episode yet count with the mean of the others."""

    remaining: Counter[str]
    started: float
    spent: dict[str, list[float]] = field(default_factory=dict)

    def ended(self, cell: str, seconds: float) -> None:
        total = self.spent.setdefault(cell, [0.0, 0.0])
        total[0] += seconds
        total[1] += 1
        self.remaining[cell] -= 1

    def seconds_left(self, now: float) -> float | None:
        """Remaining worker seconds over the parallelism achieved so far (start-up and waiting included)."""
        if not self.spent:
            return None
        worked = sum(seconds for seconds, _ in self.spent.values())
        overall = worked / sum(count for _, count in self.spent.values())
        left = 0.0
        for cell, count in self.remaining.items():
            seconds, episodes = self.spent.get(cell, (overall, 1.0))
            left += max(count, 0) * seconds / episodes
        return left * (now - self.started) / worked if worked > 0 else 0.0


def run_sweep(
    config: SweepConfig,
    folder: SweepFolder,
    engine: Engine,
    tell: Callable[[Progress], None],
    now: Callable[[], float] = time.monotonic,
    part: Sequence[tuple[Cell, int]] | None = None,
) -> Progress:
    """Run what the folder lacks. ``tell`` hears of every change. Raises ResultsError where the disk takes no more.

    part: of the sweep, cells and seeds; None: all of it.
    """
    todo = Counter(cell.name for cell, seed in _pairs(config, part) if (cell.name, seed) not in folder.index)
    total = config.episodes if part is None else len(part)
    clock = Clock(todo, now())
    progress = Progress(total, total - todo.total())
    attempts: Counter[tuple[str, int]] = Counter()
    fresh = (_work(config, cell, seed) for cell, seed in _pairs(config, part) if (cell.name, seed) not in folder.index)
    again: deque[Work] = deque()
    tell(progress)
    while True:
        while engine.in_flight < 2 * engine.slots:
            work = again.popleft() if again else next(fresh, None)
            if work is None:
                break
            engine.submit(work)
        if not engine.in_flight:
            break
        work, result = engine.wait()
        key = (work.cell, work.seed)
        if isinstance(result, str):
            attempts[key] += 1
            folder.append_error(*key, attempts[key], result)
            progress.failures += 1
            progress.last_failure = f"{work.cell}, seed {work.seed}: {result}"
            if attempts[key] <= config.retries:
                again.append(work)
            else:
                progress.given_up += 1
                clock.remaining[work.cell] -= 1
        else:
            folder.append(work.cell, result.line, result.frames)
            progress.done += 1
            clock.ended(work.cell, result.seconds)
        progress.seconds_left = clock.seconds_left(now())
        tell(progress)
    folder.sort(cell.name for cell in config.cells)
    return progress


def _pairs(config: SweepConfig, part: Sequence[tuple[Cell, int]] | None) -> Iterable[tuple[Cell, int]]:
    return config.work() if part is None else part


def _work(config: SweepConfig, cell: Cell, seed: int) -> Work:
    number = seed - cell.seeds[0]
    return Work(cell.name, cell.trial, number, seed, number < config.save_frames, number < config.measure_quality)
