"""Results folders, of a sweep or of a trial, read as one: what was run, and its episodes cell by cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodiedcomp_eval import sweep_folder
from embodiedcomp_eval.config import ConfigError, load_yaml
from embodiedcomp_eval.judged_trial import options_of_trial
from embodiedcomp_eval.outcomes import is_decided
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.sweep_config import Comparison, cell_name, sweep_from_mapping
from embodiedcomp_eval.trial_config import TrialConfig, trial_from_mapping


@dataclass(frozen=True)
class Source:
    """One cell's results. lines: reads its finished episodes by seed. expected: how many there should be.

    errors: attempts that died of the infrastructure. frames: folder of its saved pictures, if there is one. bags: what a
    recorded trial recorded. undecided: seeds of episodes that no judge could decide; they are in no line.
    """

    name: str
    trial: TrialConfig
    lines: Callable[[], Iterator[dict[str, Any]]]
    expected: int
    errors: int
    frames: Path | None
    bags: tuple[Path, ...] = ()
    undecided: tuple[int, ...] = ()


@dataclass(frozen=True)
class Results:
    """All that was read. configurations and facts: as recorded, by folder name."""

    sources: list[Source] = field(default_factory=list)
    configurations: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    primary: Comparison | None = None
    secondary: tuple[Comparison, ...] = ()
    anchor: Mapping[str, Any] = field(default_factory=dict)


def open_results(paths: Iterable[Path]) -> Results:
    """Read folders of sweeps and trials. Raises ResultsError naming a folder that is neither, or a cell that is there twice.

    Comparisons and the anchor are those of the first sweep among them.
    """
    results = Results()
    for path in paths:
        if (path / sweep_folder.CONFIG).is_file():
            results = _add_sweep(results, path)
        elif (path / "config.yaml").is_file() and (path / sweep_folder.EPISODES).is_file():
            _add_trial(results, path)
        else:
            raise ResultsError(
                f"{path} holds no results: expected {sweep_folder.CONFIG} (of a sweep) or config.yaml and "
                f"{sweep_folder.EPISODES} (of a trial)"
            )
    names = [source.name for source in results.sources]
    for name in names:
        if names.count(name) > 1:
            raise ResultsError(f"{name} is in more than one of the folders; give one of them")
    return results


def _add_sweep(results: Results, path: Path) -> Results:
    file = load_yaml(path / sweep_folder.CONFIG)
    config = sweep_from_mapping(file.get("configuration", {}), str(path / sweep_folder.CONFIG))
    index = sweep_folder.EpisodeIndex(path / sweep_folder.EPISODES)
    failures = sweep_folder.read_errors(path)
    for cell in config.cells:
        run = len(index.spans.get(cell.name, ()))
        if config.search_episodes and not run:
            continue  # a rate that the search never asked for
        frames = path / "frames" / cell.name
        results.sources.append(
            Source(
                name=cell.name,
                trial=cell.trial,
                lines=lambda name=cell.name: index.lines(name),  # type: ignore[misc]
                expected=run if config.search_episodes else len(cell.seeds),
                errors=sum(line["cell"] == cell.name for line in failures),
                frames=frames if frames.is_dir() else None,
            )
        )
    results.configurations[path.name] = file.get("configuration", {})
    results.facts[path.name] = file.get("facts", {})
    if file.get("resumed"):
        results.facts[path.name] = {**results.facts[path.name], "resumed": file["resumed"]}
    if results.primary is None and not results.secondary and not results.anchor:
        return Results(
            results.sources, results.configurations, results.facts, config.primary, config.secondary, config.anchor
        )
    return results


def _add_trial(results: Results, path: Path) -> None:
    file = load_yaml(path / "config.yaml")
    if not isinstance(file.get("configuration"), dict):
        raise ConfigError(f"{path / 'config.yaml'}: no key 'configuration'")
    trial = trial_from_mapping(options_of_trial(file["configuration"]), str(path / "config.yaml"))
    errors = path / sweep_folder.ERRORS
    frames = path / "frames"
    results.sources.append(
        Source(
            name=cell_name(trial),
            trial=trial,
            lines=lambda: filter(is_decided, _whole_lines(path / sweep_folder.EPISODES)),
            expected=trial.episodes,
            errors=errors.read_text(encoding="utf-8").count("\n") if errors.exists() else 0,
            frames=frames if frames.is_dir() else None,
            bags=tuple(sorted(bag for bag in path.glob("bag*") if bag.is_dir())),
            undecided=tuple(
                line["seed"] for line in _whole_lines(path / sweep_folder.EPISODES) if not is_decided(line)
            ),
        )
    )
    results.configurations[path.name] = file["configuration"]
    results.facts[path.name] = file.get("facts", {})


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
