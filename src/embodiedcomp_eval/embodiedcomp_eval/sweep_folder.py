"""The results folder of a sweep: ``sweep.yaml``, ``episodes.jsonl``, ``errors.jsonl``, ``frames/``, ``summary.json``.

One process writes. An episode is on disk, whole, before it counts as done, so a sweep that is killed at any moment goes
on where it was. Nothing grows with the episodes but an index of a few words each: their lines stay in the file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from embodiedcomp_eval.config import dump_yaml, load_yaml
from embodiedcomp_eval.results import WEIGHTS, ResultsError, drop_torn_line, parse_line, read_lines

EPISODES, ERRORS, CONFIG, SUMMARY, LOCK = "episodes.jsonl", "errors.jsonl", "sweep.yaml", "summary.json", ".lock"
BEFORE_CONFIG = (LOCK, CONFIG + ".tmp")
"""All that a folder can hold whose sweep was killed before its configuration was written."""
MIXES = ("commit", "processor", "machine", "renderer", "packages", "python")
"""Facts that may change an episode, but needn't: a sweep may go on with others, and says so."""


class Span(NamedTuple):
    """Where an episode's line stands in ``episodes.jsonl``."""

    offset: int
    length: int


class EpisodeIndex:
    """Reads ``episodes.jsonl`` by cell and seed without holding it: ``spans[cell][seed]`` is where the line stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.spans: dict[str, dict[int, Span]] = {}
        self.size = 0
        """Bytes of whole lines."""
        if not path.exists():
            return
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    values = parse_line(path, line)
                    self.add(values["cell"], values["seed"], len(line))

    def add(self, cell: str, seed: int, length: int) -> None:
        """A line was appended. An episode that is there already is refused: none may count twice."""
        of_cell = self.spans.setdefault(cell, {})
        if seed in of_cell:
            raise ResultsError(f"{self._path}: the episode {cell}, seed {seed} is there twice")
        of_cell[seed] = Span(self.size, length)
        self.size += length

    def __contains__(self, key: tuple[str, int]) -> bool:
        return key[1] in self.spans.get(key[0], {})

    def lines(self, cell: str) -> Iterator[dict[str, Any]]:
        """The episodes of one cell, by seed."""
        if cell in self.spans:
            with open(self._path, "rb") as file:
                for _, span in sorted(self.spans[cell].items()):
                    file.seek(span.offset)
                    yield json.loads(file.read(span.length))


class SweepFolder:
    """Opened for writing by one process at a time; a context manager."""

    def __init__(self, path: Path, configuration: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Create or resume. Raises ResultsError: not writable, another configuration's, or in use.

        configuration: decides the episodes, compared on resuming. facts: versions and hardware, recorded beside it: those of
        the first run stay, a later run with other ones adds its own under ``resumed`` with its first episode.
        """
        self.path = path
        self.mixed: dict[str, tuple[Any, Any]] = {}
        """Facts (of MIXES) in which this run differs from the last one, as they were and as they are."""
        self._unwritten: dict[str, Any] | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / CONFIG).exists() and any(p.name not in BEFORE_CONFIG for p in path.iterdir()):
                raise ResultsError(f"{path} is not empty and holds no {CONFIG}; choose another --out")
            self._lock = os.open(path / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise ResultsError(f"can't write results into {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._check_or_write(dict(configuration), dict(facts))
            self._open()
            os.ftruncate(self._file, self.index.size)  # a line that a kill cut in half
            drop_torn_line(path / ERRORS)
        except BlockingIOError as error:
            os.close(self._lock)
            raise ResultsError(f"another sweep is writing into {path}; wait for it or choose another --out") from error
        except OSError as error:
            os.close(self._lock)
            raise ResultsError(f"can't write results into {path}: {error.strerror}") from error
        except ResultsError:
            os.close(self._lock)
            raise

    def _open(self) -> None:
        self.index = EpisodeIndex(self.path / EPISODES)
        self._file = os.open(self.path / EPISODES, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    def __enter__(self) -> SweepFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        os.close(self._lock)

    def append(self, cell: str, line: Mapping[str, Any], frames: Mapping[str, bytes] | None = None) -> None:
        """Add a finished episode and its saved frames (relative name -> file). On disk when this returns, or not at all.

        Raises ResultsError where the disk takes no more; the folder then holds what it held before.
        """
        data = json.dumps({"cell": cell, **line}, separators=(",", ":")).encode() + b"\n"
        try:
            self._write_facts()
            for name, content in (frames or {}).items():
                write_atomically(self.path / "frames" / cell / name, content)
            _write_all(self._file, data)
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self.index.size)
            raise ResultsError(
                f"can't write into {self.path}: {error.strerror}; {len(self)} episodes are safe: "
                "make room and run the same command again"
            ) from error
        self.index.add(cell, line["seed"], len(data))

    def append_error(self, cell: str, seed: int, attempt: int, message: str) -> None:
        """Record an attempt that died of the infrastructure; it is no episode. Raises ResultsError on a full disk."""
        line = json.dumps({"cell": cell, "seed": seed, "attempt": attempt, "error": message})
        try:
            self._write_facts()
            with open(self.path / ERRORS, "ab", buffering=0) as file:
                _write_all(file.fileno(), line.encode() + b"\n")
                os.fsync(file.fileno())
        except OSError as error:
            drop_torn_line(self.path / ERRORS)
            raise ResultsError(f"can't write into {self.path}: {error.strerror}") from error

    def __len__(self) -> int:
        return sum(map(len, self.index.spans.values()))

    def sort(self, cells: Iterable[str]) -> None:
        """Rewrite ``episodes.jsonl`` cell by cell and seed by seed: the order then tells nothing of who ran when.

        Episodes of other cells (an older version's names) stay, behind these.
        """
        first = list(cells)
        others = sorted(set(self.index.spans) - set(first))
        target = self.path / (EPISODES + ".sorted")
        try:
            with open(self.path / EPISODES, "rb") as source, open(target, "wb") as in_order:
                for cell in (*first, *others):
                    for _, span in sorted(self.index.spans.get(cell, {}).items()):
                        source.seek(span.offset)
                        in_order.write(source.read(span.length))
                in_order.flush()
                os.fsync(in_order.fileno())
        except OSError as error:
            target.unlink(missing_ok=True)
            raise ResultsError(f"can't write into {self.path}: {error.strerror}; every episode is safe") from error
        target.replace(self.path / EPISODES)
        os.close(self._file)
        self._open()

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace ``summary.json`` in one step. Raises ResultsError on a full disk."""
        try:
            write_atomically(self.path / SUMMARY, (json.dumps(summary, indent=2) + "\n").encode())
        except OSError as error:
            raise ResultsError(f"can't write into {self.path}: {error.strerror}; every episode is safe") from error

    def _check_or_write(self, configuration: dict[str, Any], facts: dict[str, Any]) -> None:
        file = self.path / CONFIG
        if not file.exists():
            self._write_config({"configuration": configuration, "facts": facts})
            return
        recorded = load_yaml(file)
        there = recorded.get("configuration", {})
        for key in sorted(set(configuration) | set(there)):
            if configuration.get(key) != there.get(key):
                raise ResultsError(
                    f"{self.path} holds results of another configuration ({key} differs); choose another --out"
                )
        runs = [recorded.get("facts") or {}, *(recorded.get("resumed") or [])]
        _check_weights(self.path, runs, facts)
        if facts and facts != runs[-1]:
            self.mixed = {
                key: (runs[-1][key], facts[key])
                for key in MIXES
                if key in runs[-1] and key in facts and runs[-1][key] != facts[key]
            }
            self._unwritten = {**recorded, "resumed": [*runs[1:], facts]}

    def _write_facts(self) -> None:
        """This run takes part from now on. A run that finds nothing to do leaves no trace."""
        if self._unwritten is not None:
            self._write_config(self._unwritten)
            self._unwritten = None

    def _write_config(self, content: dict[str, Any]) -> None:
        write_atomically(self.path / CONFIG, dump_yaml(content).encode())


def _check_weights(path: Path, runs: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    """Episodes of other weights are none of the same sweep. Files that came after them can't have taken part."""
    now = facts.get(WEIGHTS)
    if now is None:
        return
    for run in runs:
        changed = sorted(name for name, digest in (run.get(WEIGHTS) or {}).items() if now.get(name) != digest)
        if changed:
            raise ResultsError(
                f"{path} holds results of other weights ({', '.join(changed)} differ); choose another --out"
            )


def read_errors(path: Path) -> list[dict[str, Any]]:
    """Attempts of a results folder that died of the infrastructure, in the order in which they did."""
    return read_lines(path / ERRORS) if (path / ERRORS).exists() else []


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step: whole or not at all. Its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
