"""The results folder of a trial: ``config.yaml``, ``episodes.jsonl`` (appended, fsynced), ``summary.json``.

A folder belongs to one configuration. Opened again with the same one it is resumed: finished episodes stay, a line
that a crash cut in half is removed. Attempts that died of the infrastructure go to ``errors.jsonl``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from embodiedcomp_eval.config import dump_yaml, load_yaml

GROWS = ("episodes",)
"""Keys that may differ when a folder is resumed: more episodes of the same configuration."""


WEIGHTS = "weights_sha256"
"""Key of the facts that must not differ when a folder is resumed."""


class ResultsError(ValueError):
    """The folder can't take these results; one line says why."""


class ResultsFolder:
    """Opened for writing by one process at a time; a context manager."""

    def __init__(self, path: Path, configuration: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> None:
        """Create or resume ``path``. Raises ResultsError; then nothing was written.

        configuration: JSON-able; what decides the episodes, compared on resuming. facts: recorded beside it (versions);
        those of the first run stay.
        """
        self.path = path
        try:
            check_folder(path, configuration, facts)
            path.mkdir(parents=True, exist_ok=True)
            file = path / "config.yaml"
            first = load_yaml(file).get("facts") if file.exists() else None
            content = {"configuration": dict(configuration), "facts": first or dict(facts or {})}
            _write_atomically(file, dump_yaml(content))
            self._episodes = open(path / "episodes.jsonl", "a+b")  # noqa: SIM115 (closed by close)
        except OSError as error:
            raise ResultsError(f"can't write results into {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._episodes, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._episodes.close()
            raise ResultsError(f"another run is writing into {path}; wait for it or choose another --out") from error
        for name in ("episodes.jsonl", "errors.jsonl"):
            drop_torn_line(path / name)
        self.lines = read_lines(path / "episodes.jsonl")
        self.errors = len(read_lines(path / "errors.jsonl")) if (path / "errors.jsonl").exists() else 0

    def __enter__(self) -> ResultsFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write here."""
        self._episodes.close()

    @property
    def finished(self) -> set[int]:
        """Numbers of the episodes that are done."""
        return {line["episode"] for line in self.lines}

    def append(self, line: dict[str, Any]) -> None:
        """Add one finished episode; it is on disk when this returns."""
        self._episodes.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._episodes.flush()
        os.fsync(self._episodes.fileno())
        self.lines.append(line)

    def append_error(self, episode: int, seed: int, message: str) -> None:
        """Record an attempt that died of the infrastructure."""
        with open(self.path / "errors.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"episode": episode, "seed": seed, "error": message}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.errors += 1

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace ``summary.json`` in one step."""
        _write_atomically(self.path / "summary.json", json.dumps(summary, indent=2) + "\n")


def check_folder(path: Path, configuration: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> None:
    """Raise ResultsError where ``path`` can't take results of that configuration and those weights. Writes nothing."""
    nearest = path
    while not nearest.exists() and nearest != nearest.parent and not nearest.is_symlink():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        reason = "no writing allowed there" if nearest.is_dir() else "not a folder"
        raise ResultsError(f"can't write results into {path}: {nearest}: {reason}")
    if nearest != path or not any(path.iterdir()):
        return
    file = path / "config.yaml"
    if not file.exists():
        raise ResultsError(f"{path} is not empty and holds no config.yaml of a trial; choose another --out")
    recorded = load_yaml(file)
    there = recorded.get("configuration", {})
    for key in sorted(set(configuration) | set(there)):
        if key not in GROWS and configuration.get(key) != there.get(key):
            raise ResultsError(
                f"{path} holds results of another configuration ({key}: {there.get(key)!r} there, "
                f"{configuration.get(key)!r} asked for); choose another --out"
            )
    _check_weights(path, (recorded.get("facts") or {}).get(WEIGHTS), (facts or {}).get(WEIGHTS))


def _check_weights(path: Path, there: Mapping[str, str] | None, now: Mapping[str, str] | None) -> None:
    """Episodes of other weights are no episodes of the same trial; where either side is unknown there is no telling.

    Files that came after them can't have taken part.
    """
    if there is None or now is None:
        return
    changed = sorted(name for name, digest in there.items() if now.get(name) != digest)
    if changed:
        raise ResultsError(f"{path} holds results of other weights ({', '.join(changed)} differ); choose another --out")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; a last line without its newline is not one yet. Raises ResultsError."""
    content = path.read_bytes()
    return [parse_line(path, line) for line in content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]]


def parse_line(path: Path, line: bytes) -> dict[str, Any]:
    """One record of ``path``. Raises ResultsError where it is none."""
    try:
        values = json.loads(line)
    except ValueError as error:
        raise ResultsError(f"{path}: a line is no record: {line[:60]!r}; mend or remove it") from error
    if not isinstance(values, dict):
        raise ResultsError(f"{path}: a line is no record: {line[:60]!r}; mend or remove it")
    return values


def drop_torn_line(path: Path) -> None:
    """Cut ``path`` after its last newline: what a kill or a full disk left of a line would spoil the next one."""
    if path.exists():
        with open(path, "r+b") as file:
            whole = file.read().rfind(b"\n") + 1
            if file.tell() > whole:
                file.truncate(whole)


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(path.suffix + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
