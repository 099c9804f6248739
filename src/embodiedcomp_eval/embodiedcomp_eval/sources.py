"""Results folders, of a sweep or of a trial, read as one: what was run, and its episodes cell by cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodiedcomp_eval import sweep_folder
from embodiedcomp_eval.config import ConfigError, load_yaml
from embodiedcomp_eval.judged_trial import options_of_trial
from embodiedcomp_eval.outcomes import is_decided
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.sweep_config import Declaration, cell_name, sweep_from_mapping
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
    """All that was read, in the order in which the folders were given.

    configurations and facts: as recorded, by the folder's name (with its parent's where two are called the same).
    declarations: what each sweep compares. cells: names by folder. failures: by folder, how many attempts died of the
    infrastructure, those of cells among them that are no source (that a search left, or of an older configuration).
    """

    sources: list[Source] = field(default_factory=list)
    configurations: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    declarations: list[Declaration] = field(default_factory=list)
    cells: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)


def open_results(paths: Iterable[Path]) -> Results:
    """Read folders of sweeps and trials. Raises ResultsError naming a folder that is neither, or a cell that is there twice."""
    results = Results()
    folders = list(paths)
    for path, label in zip(folders, _labels(folders), strict=True):
        before = len(results.sources)
        if (path / sweep_folder.CONFIG).is_file():
            _add_sweep(results, path, label)
        elif (path / "config.yaml").is_file() and (path / sweep_folder.EPISODES).is_file():
            _add_trial(results, path, label)
        else:
            raise ResultsError(
                f"{path} holds no results: expected {sweep_folder.CONFIG} (of a sweep) or config.yaml and "
                f"{sweep_folder.EPISODES} (of a trial)"
            )
        results.cells[label] = [source.name for source in results.sources[before:]]
    names = [source.name for source in results.sources]
    for name in names:
        if names.count(name) > 1:
            raise ResultsError(f"{name} is in more than one of the folders; give one of them")
    return results


def _labels(folders: Sequence[Path]) -> list[str]:
    """A name for each folder: its own, with as many of its parents' as it takes to tell it from the others."""
    parts = [folder.resolve().parts for folder in folders]
    labels = []
    for i, own in enumerate(parts):
        others = [other for j, other in enumerate(parts) if j != i and other != own]
        enough = next((n for n in range(1, len(own)) if all(own[-n:] != other[-n:] for other in others)), len(own))
        labels.append("/".join(own[-enough:]))
    return labels


def _add_sweep(results: Results, path: Path, label: str) -> None:
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
    results.configurations[label] = file.get("configuration", {})
    results.facts[label] = file.get("facts", {})
    if file.get("resumed"):
        results.facts[label] = {**results.facts[label], "resumed": file["resumed"]}
    results.failures[label] = len(failures)
    cells = frozenset(cell.name for cell in config.cells)
    results.declarations.append(Declaration(label, cells, config.primary, config.secondary, config.anchor))


def _add_trial(results: Results, path: Path, label: str) -> None:
    file = load_yaml(path / "config.yaml")
    if not isinstance(file.get("configuration"), dict):
        raise ConfigError(f"{path / 'config.yaml'}: no key 'configuration'")
    trial = trial_from_mapping(options_of_trial(file["configuration"]), str(path / "config.yaml"))
    errors = len(sweep_folder.read_errors(path))
    frames = path / "frames"
    results.sources.append(
        Source(
            name=cell_name(trial),
            trial=trial,
            lines=lambda: filter(is_decided, _whole_lines(path / sweep_folder.EPISODES)),
            expected=trial.episodes,
            errors=errors,
            frames=frames if frames.is_dir() else None,
            bags=tuple(sorted(bag for bag in path.glob("bag*") if bag.is_dir())),
            undecided=tuple(
                line["seed"] for line in _whole_lines(path / sweep_folder.EPISODES) if not is_decided(line)
            ),
        )
    )
    results.configurations[label] = file["configuration"]
    results.facts[label] = file.get("facts", {})
    results.failures[label] = errors


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
