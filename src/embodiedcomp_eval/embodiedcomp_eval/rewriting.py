"""A trial's results with outcomes judged anew, in a folder of their own; the originals stay as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embodiedcomp_eval.config import load_yaml
from embodiedcomp_eval.judged_trial import options_of_trial
from embodiedcomp_eval.judging import SUCCESS, UNDECIDED
from embodiedcomp_eval.results import ResultsError, ResultsFolder, read_lines
from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.task import load_task
from embodiedcomp_eval.trial_config import trial_from_mapping

TOLD = ("outcome", "decided_by", "reason", "evidence")


def rewrite_results(source: Path, target: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``source``'s lines into the new folder ``target``, those of ``rows`` (by episode) with their new outcome.

    What was sent stays counted as it was. Raises ResultsError where source is no trial's folder, target is not empty, or
    an episode judged is not among the lines.
    """
    for name in ("config.yaml", "episodes.jsonl"):
        if not (source / name).is_file():
            raise ResultsError(f"{source} holds no results of a trial: no {name}")
    if target.exists() and any(target.iterdir()):
        raise ResultsError(f"{target} is not empty; choose another --out")
    recorded = load_yaml(source / "config.yaml")
    trial = trial_from_mapping(options_of_trial(recorded["configuration"]), str(source / "config.yaml"))
    task, lines = load_task(trial.task), read_lines(source / "episodes.jsonl")
    verdicts = {row["episode"]: row for row in rows}
    if missing := sorted(set(verdicts) - {line["episode"] for line in lines}):
        raise ResultsError(f"{source} has no episode {missing[0]}, which the bag has: are they of one trial?")
    facts = {**(recorded.get("facts") or {}), "rescored_from": str(source)}
    errors = source / "errors.jsonl"
    failures = len(read_lines(errors)) if errors.exists() else 0
    with ResultsFolder(target, recorded["configuration"], facts) as folder:
        for line in lines:
            folder.append(_rejudged(line, verdicts.get(line["episode"]), task.control_hz))
        trial = dataclasses.replace(trial, episodes=len(lines))
        folder.write_summary(summarise(trial, task, folder.lines, failures))


def _rejudged(line: Mapping[str, Any], row: Mapping[str, Any] | None, control_hz: float) -> dict[str, Any]:
    """``line`` with the new verdict, and with the old one under ``was``."""
    if row is None or row["outcome"] == line.get("outcome", SUCCESS if line["success"] else "failure"):
        return dict(line)
    found = {**line, **{key: row[key] for key in TOLD}}
    found["success"] = None if row["outcome"] == UNDECIDED else row["outcome"] == SUCCESS
    if found["success"] and row["seconds"] is not None:
        found["steps"] = min(line["steps"], max(1, round(row["seconds"] * control_hz)))
    found["was"] = {key: line.get(key) for key in ("success", "steps", *TOLD)}
    return found
