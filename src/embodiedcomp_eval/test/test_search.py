"""A search is a sweep: killed anywhere and run again it asks the same, and what can't be searched is one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inline_engine import InlineEngine

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.search import run_search, search_plan
from embodiedcomp_eval.sources import open_results
from embodiedcomp_eval.sweep import Done, Progress, Work
from embodiedcomp_eval.sweep_config import sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder

RATES = [round(float(rate), 4) for rate in np.geomspace(0.01, 0.1, 9)]
VALUES: dict[str, Any] = {
    "name": "stub",
    "seeds": [10000, 10059],
    "search_episodes": 100,
    "cells": [{"codec": "none"}, {"codec": "av1", "target_bpp": RATES}],
    "retries": 0,
}


def stub(work: Work) -> Done:
    """From 0.03 bpp on every seed is solved; at 0.01 half of them, whatever order they are run in."""
    luck = np.random.default_rng(work.seed).random()
    rate = work.trial.target_bpp
    success = work.trial.codec == "none" or bool(luck < 0.5 + 0.5 * np.log(rate / 0.01) / np.log(3))
    return Done({"seed": work.seed, "episode": work.number, "success": success}, {}, 0.5)


def search(path: Path, run: Callable[[Work], Done] = stub) -> Progress:
    config = sweep_from_mapping(VALUES, "stub.yaml")
    with SweepFolder(path, VALUES, {}) as folder:
        return run_search(config, search_plan(config, "stub.yaml"), folder, InlineEngine(run), lambda progress: None)


def test_it_runs_the_uncompressed_cell_and_what_the_search_asks_for(tmp_path: Path) -> None:
    progress = search(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "episodes.jsonl").read_text().splitlines()]
    keys = [(line["cell"], line["seed"]) for line in lines]
    assert len(keys) == len(set(keys)) == progress.done <= 160
    assert sum(cell.startswith("none") for cell, _ in keys) == 60
    assert all(line["episode"] == line["seed"] - 10000 for line in lines)
    sources = open_results([tmp_path]).sources
    assert sum(source.expected for source in sources) == len(keys) and all(source.expected for source in sources)


def test_the_time_to_finish_is_that_of_the_whole_budget_at_the_pace_so_far(tmp_path: Path) -> None:
    config = sweep_from_mapping(VALUES, "stub.yaml")
    told: list[tuple[int, float | None]] = []
    clock = iter(range(0, 100_000, 7))

    def tell(progress: Progress) -> None:
        told.append((progress.done, progress.seconds_left))

    with SweepFolder(tmp_path, VALUES, {}) as folder:
        engine = InlineEngine(stub)
        ended = run_search(config, search_plan(config, "x"), folder, engine, tell, lambda: float(next(clock)))
    assert told[0] == (0, None) and told[1] == (1, 159 * 7.0)
    assert all(left is not None and left >= 0 for _, left in told[1:])
    assert told[-1][1] is not None and told[-1][1] < 60 * 2 * 7 and ended.done == told[-1][0]


@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5, 0.73, 0.99])
def test_killed_anywhere_and_run_again_it_gives_the_same_bytes(tmp_path: Path, keep: float) -> None:
    order: list[tuple[str, int]] = []

    def remember(work: Work) -> Done:
        order.append((work.cell, work.seed))
        return stub(work)

    search(tmp_path / "whole", remember)
    whole = (tmp_path / "whole" / "episodes.jsonl").read_bytes()
    lines = {(line["cell"], line["seed"]): line for line in map(json.loads, whole.splitlines())}
    with SweepFolder(tmp_path / "killed", VALUES, {}) as folder:
        for cell, seed in order[: int(keep * len(order))]:
            folder.append(cell, {key: value for key, value in lines[cell, seed].items() if key != "cell"})
    with open(tmp_path / "killed" / "episodes.jsonl", "ab") as file:
        file.write(b'{"cell": "torn')
    progress = search(tmp_path / "killed")
    assert progress.done == len(order) - int(keep * len(order))
    assert (tmp_path / "killed" / "episodes.jsonl").read_bytes() == whole


def test_an_episode_that_can_not_be_had_ends_the_search_for_now(tmp_path: Path) -> None:
    def broken(work: Work) -> Done:
        if work.trial.codec == "av1" and work.seed == 10003:
            raise RuntimeError("codec broke")
        return stub(work)

    progress = search(tmp_path / "broken", broken)
    assert (progress.given_up, progress.failures) == (1, 1) and "codec broke" in progress.last_failure
    again = search(tmp_path / "broken")
    assert not again.given_up
    search(tmp_path / "whole")
    broken_bytes, whole = ((tmp_path / name / "episodes.jsonl").read_bytes() for name in ("broken", "whole"))
    assert broken_bytes == whole


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": [{"codec": "av1", "target_bpp": RATES}]}, "one uncompressed cell"),
        ({"cells": [{"codec": "none"}, {"codec": "av1", "target_bpp": RATES[:2]}]}, "three rates or more"),
        ({"cells": [{"codec": "none"}, {"codec": ["av1", "hevc"], "target_bpp": RATES}]}, "2 codecs"),
        ({"cells": [{"codec": "none", "seeds": [10000, 10009]}, {"codec": "av1", "target_bpp": RATES}]}, "same seeds"),
        ({"cells": [{"codec": "none"}, {"codec": "av1", "sensor": "real", "target_bpp": RATES}]}, "other conditions"),
        ({"anchor": {"codec": "av1"}}, "nothing to compare"),
    ],
)
def test_what_can_not_be_searched_is_one_clear_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        search_plan(sweep_from_mapping({**VALUES, **change}, "stub.yaml"), "stub.yaml")
    assert "\n" not in str(caught.value)
