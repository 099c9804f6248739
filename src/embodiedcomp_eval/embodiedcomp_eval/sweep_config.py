"""A sweep's YAML: blocks of trial options whose lists multiply into cells, the seeds, and what is compared.

A *cell* is one trial configuration without its seeds; a *point* on a curve is what a cell became after its episodes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodiedcomp_eval.config import ConfigError, config_path, from_mapping, load_yaml
from embodiedcomp_eval.trial_config import TrialConfig, trial_from_mapping

PER_SWEEP = ("episodes", "seed", "transport")
"""Options of a trial that a sweep sets itself."""
TARGETS = ("target_bpp", "target_bitrate")
OPTIONS = tuple(f.name for f in dataclasses.fields(TrialConfig) if f.name not in PER_SWEEP)
UNCOMPRESSED = "none"
RIVALS = ("first-frame-only", "state-only", "oracle-pose", "none-noise")
"""Trivial codecs that stand on every curve, so that nobody mistakes an easy task for a good codec."""
CURVE = ("codec", "mode", "budget_window")
"""Options that tell curves of the same conditions apart."""


@dataclass(frozen=True)
class Cell:
    """One trial configuration and the seeds it runs on. ``name`` is unique, readable and the same on every machine."""

    name: str
    trial: TrialConfig
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """Two cells of the sweep, by name, whose success rates are compared on the same seeds."""

    candidate: str
    anchor: str


@dataclass(frozen=True)
class Declaration:
    """What one sweep compares, as declared before it ran (see SweepConfig). sweep: its name among those that are read
    together. cells: names of its cells; its comparisons and its anchor are among these."""

    sweep: str
    cells: frozenset[str]
    primary: Comparison | None = None
    secondary: tuple[Comparison, ...] = ()
    anchor: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _SweepFile:
    """The keys of the file. ``seeds`` are the first and the last seed; a block may name fewer of its own."""

    name: str
    seeds: tuple[int, ...]
    cells: tuple[dict[str, Any], ...]
    common: dict[str, Any] = field(default_factory=dict)
    primary: dict[str, Any] = field(default_factory=dict)
    secondary: tuple[dict[str, Any], ...] = ()
    anchor: dict[str, Any] = field(default_factory=dict)
    retries: int = 2
    save_frames: int = 0
    measure_quality: int = 0
    search_episodes: int = 0


@dataclass(frozen=True)
class SweepConfig:
    """A sweep, checked and spelled out.

    primary: the one comparison declared before the run. secondary: more of them, Holm-corrected among themselves.
    anchor: options that select the curve against which average bit savings are given (empty: none), one in each of the
    sweep's conditions (task, sensor, timing, …).
    retries: how often an episode that failed for infrastructure reasons is tried again within one run.
    save_frames: of how many episodes per cell (the first seeds) source and decoded frames are kept for the report.
    measure_quality: in how many of them picture quality and the policy's action error are measured (it costs time).
    search_episodes: so many episodes are spent on finding the threshold of the one codec, instead of running every cell on
    every seed (``search.py``); 0: run them all.
    """

    name: str
    cells: tuple[Cell, ...]
    primary: Comparison | None
    secondary: tuple[Comparison, ...]
    anchor: Mapping[str, Any]
    retries: int
    save_frames: int
    measure_quality: int
    search_episodes: int = 0

    def work(self) -> Iterator[tuple[Cell, int]]:
        """Every (cell, seed), seed by seed, so that an interrupted sweep has paired episodes of all its cells."""
        for seed in sorted({seed for cell in self.cells for seed in cell.seeds}):
            for cell in self.cells:
                if seed in cell.seeds:
                    yield cell, seed

    @property
    def episodes(self) -> int:
        return sum(len(cell.seeds) for cell in self.cells)


def load_sweep(name_or_path: str) -> tuple[SweepConfig, Path]:
    """Load ``config/sweeps/NAME.yaml`` or a path. Raises ConfigError: one line with file, key and valid choices."""
    path = config_path("sweeps", name_or_path)
    return sweep_from_mapping(load_yaml(path), str(path)), path


def sweep_from_mapping(values: Mapping[str, Any], where: str) -> SweepConfig:
    """Check ``values`` and multiply its blocks. Raises ConfigError."""
    file = from_mapping(_SweepFile, values, where)
    seeds = _seed_range(file.seeds, where)
    for key in ("retries", "save_frames", "measure_quality", "search_episodes"):
        if getattr(file, key) < 0:
            raise ConfigError(f"{where}: {key} must be 0 or more, found {getattr(file, key)}")
    _check_options(file.common, where + ": common")
    cells: dict[str, Cell] = {}
    for number, block in enumerate(file.cells, 1):
        place = f"{where}: cells, block {number}"
        for cell in _multiply(file.common, block, seeds, place):
            if cell.name in cells:
                raise ConfigError(f"{place}: {cell.name} is there twice")
            cells[cell.name] = cell
    if not cells:
        raise ConfigError(f"{where}: cells is empty: nothing to run")
    _check_anchor(file.anchor, cells, where + ": anchor")
    return SweepConfig(
        name=file.name,
        cells=tuple(cells.values()),
        primary=_comparison(file.primary, cells, where + ": primary") if file.primary else None,
        secondary=tuple(_comparison(c, cells, where + ": secondary") for c in file.secondary),
        anchor=file.anchor,
        retries=file.retries,
        save_frames=file.save_frames,
        measure_quality=file.measure_quality,
        search_episodes=file.search_episodes,
    )


def cell_name(trial: TrialConfig) -> str:
    """Readable and unique: codec, mode, target, and eight hex digits over every option but the seeds."""
    options = {key: value for key, value in trial.to_mapping().items() if key not in PER_SWEEP}
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:8]
    target = ""
    if trial.target_bpp == trial.target_bpp:
        target = f"-{trial.target_bpp:g}bpp"
    elif trial.target_bitrate == trial.target_bitrate:
        target = f"-{trial.target_bitrate:g}bps"
    return f"{trial.codec}-{trial.mode}{target}-{digest}"


def _seed_range(seeds: Any, where: str) -> tuple[int, ...]:
    whole = isinstance(seeds, list | tuple) and all(isinstance(s, int) and not isinstance(s, bool) for s in seeds)
    if not whole or len(seeds) != 2 or not 0 <= seeds[0] <= seeds[1]:
        found = list(seeds) if isinstance(seeds, tuple) else seeds
        raise ConfigError(f"{where}: seeds must be the first and the last one, such as [42, 141]; found {found!r}")
    return tuple(range(seeds[0], seeds[1] + 1))


def _check_options(options: Mapping[str, Any], where: str, more: tuple[str, ...] = ()) -> None:
    for key in options:
        if key not in (*OPTIONS, *more):
            raise ConfigError(f"{where}: unknown key {key!r}; valid keys: {', '.join((*OPTIONS, *more))}")


def _multiply(
    common: Mapping[str, Any], block: Mapping[str, Any], seeds: tuple[int, ...], where: str
) -> Iterator[Cell]:
    """The cells of one block: the product of its lists."""
    _check_options(block, where, ("seeds",))
    own = _seed_range(block["seeds"], where) if "seeds" in block else seeds
    options = {**common, **{key: value for key, value in block.items() if key != "seeds"}}
    lists = [value if isinstance(value, list) else [value] for value in options.values()]
    if not all(lists):
        raise ConfigError(f"{where}: an empty list leaves nothing to run")
    for values in itertools.product(*lists):
        chosen = dict(zip(options, values, strict=True))
        trial = trial_from_mapping({**chosen, "transport": "inprocess", "seed": own[0], "episodes": len(own)}, where)
        yield Cell(cell_name(trial), trial, own)


def select(cells: Mapping[str, Cell], options: Mapping[str, Any]) -> list[Cell]:
    """The cells whose options have all the values of ``options``."""
    return [
        cell for cell in cells.values() if all(cell.trial.to_mapping()[key] == value for key, value in options.items())
    ]


def _check_anchor(anchor: Mapping[str, Any], cells: Mapping[str, Cell], where: str) -> None:
    """It must select a codec's cells, and under each of the sweep's conditions no more than one curve."""
    _check_options(anchor, where)
    if not anchor:
        return
    found = [cell for cell in select(cells, anchor) if cell.trial.codec not in (UNCOMPRESSED, *RIVALS)]
    if not found:
        raise ConfigError(f"{where}: selects no codec's cell among the {len(cells)} of this sweep: {dict(anchor)}")
    curves: dict[str, set[str]] = {}
    for cell in found:
        options = cell.trial.to_mapping()
        conditions = {k: v for k, v in options.items() if k not in (*CURVE, *TARGETS, *PER_SWEEP)}
        curves.setdefault(str(conditions), set()).add(" ".join(str(options[key]) for key in CURVE))
    for of in curves.values():
        if len(of) > 1:
            raise ConfigError(f"{where} must select one curve, selects {len(of)}: {', '.join(sorted(of))}")


def _comparison(values: Mapping[str, Any], cells: Mapping[str, Cell], where: str) -> Comparison:
    """``{candidate: {options}, anchor: {options}}``, each of which must select exactly one cell."""
    if set(values) != {"candidate", "anchor"}:
        raise ConfigError(f"{where}: valid keys: candidate, anchor (both needed); found {', '.join(map(str, values))}")
    names = []
    for side in ("candidate", "anchor"):
        options = values[side]
        if not isinstance(options, dict):
            raise ConfigError(f"{where}: {side} must hold trial options, found {options!r}")
        _check_options(options, f"{where}: {side}")
        found = select(cells, options)
        if len(found) != 1:
            raise ConfigError(f"{where}: {side} must select exactly one cell, selects {len(found)} of {len(cells)}")
        names.append(found[0].name)
    return Comparison(*names)
