"""The seed ledger: each use of evaluation seeds is written down before it happens (design: Seeds)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

EVALUATION = (range(42, 142), range(200, 700))
"""The paper's hundred, and five hundred more for claims of equality."""

WEIGHT_SUFFIXES = (".npz", ".npy", ".pt", ".pth", ".safetensors", ".onnx")


def evaluation_seeds(seeds: Iterable[int]) -> list[int]:
    """Those of ``seeds`` that are evaluation seeds, sorted."""
    return sorted({seed for seed in seeds if any(seed in block for block in EVALUATION)})


def weight_hashes(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of every weight file at or under ``paths``, by file name (with its folder where that is needed)."""
    files: set[Path] = set()
    for path in paths:
        if path.is_dir():
            files.update(p for p in path.rglob("*") if p.suffix in WEIGHT_SUFFIXES)
        elif path.is_file():
            files.add(path)
    hashes = {}
    for file in sorted(files):
        with open(file, "rb") as content:
            hashes["/".join(file.parts[-2:])] = hashlib.file_digest(content, "sha256").hexdigest()
    return hashes


def spans(seeds: Iterable[int]) -> list[list[int]]:
    """Seeds as ``[first, last]`` runs: 42, 43, 44, 200 -> [[42, 44], [200, 200]]."""
    runs: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return runs


def entry(
    date: str, command: str, commit: str, weights: Mapping[str, str], seeds: Iterable[int], episodes: int
) -> dict[str, Any]:
    """One line of the ledger. date: ISO 8601, UTC. commit: hash, with ``-dirty`` where the checkout had changes."""
    return {
        "date": date,
        "command": command,
        "commit": commit,
        "weights": dict(weights),
        "seeds": spans(seeds),
        "episodes": episodes,
    }


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line; it is on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
