"""Where the measurements behind ``docs/results/codecs.md`` lie: one JSON file a bench, with what made it."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodiedcomp_eval.provenance import commit
from embodiedcomp_eval.results import ResultsError

FOLDER = Path("docs/results/codecs")


def facts(command: str, *own: Path) -> dict[str, Any]:
    """Command, commit, date, machine, and the load that others put on it when the measurement ended.

    own: what the measurement itself writes, as of ``provenance.commit``.
    """
    return {
        "command": command,
        "commit": commit(*own),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
    }


def named(codecs: Sequence[str] | None) -> str:
    """The codecs that a command line named, each after a space."""
    return "".join(f" {codec}" for codec in codecs or ())


def write(folder: Path, name: str, command: str, content: dict[str, Any]) -> Path:
    """Write one bench's file, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"facts": facts(command, folder), **content}, indent=1, ensure_ascii=False) + "\n")
    os.replace(partial, path)
    return path


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """One bench's file; None where it has not run. Raises ResultsError on a damaged one."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultsError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict) or "facts" not in content:
        raise ResultsError(f"{path} holds no measurement")
    return content


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
