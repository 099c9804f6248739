"""The results of ``gazebo-check`` as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def page(evidence: Mapping[str, Any], pictures: Sequence[str] = ()) -> str:
    """Markdown from the record that the check wrote. pictures: links to what the cameras saw."""
    rows = [
        f"| {'yes' if check['passed'] else '**no**'} | {check['name']} | {check['text']} |"
        for check in evidence["checks"]
    ]
    return "\n".join(
        [
            "# Gazebo",
            "",
            f"Written by `{evidence['command']}` on {evidence['date']}, commit {evidence['facts']['commit']}:"
            f" Gazebo {str(evidence['gazebo']).capitalize()}, server {evidence['server']}, with the"
            f" {evidence['render_engine']} engine; {evidence['machine']}.",
            "",
            "A script moves the arm here. What a closed loop in such a server gave: [what was run, and what was not]"
            "(../how-to/gazebo.md#what-was-run-and-what-was-not).",
            "",
            "| passed | what | found |",
            "|---|---|---|",
            *rows,
            "",
            *([" ".join(pictures), ""] if pictures else []),
            *grasps(evidence["checks"]),
        ]
    )


def grasps(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each scripted grasp, where there were any."""
    numbers: dict[str, Any] = {key: value for check in checks for key, value in check["numbers"].items()}
    if "rises" not in numbers:
        return []
    lines = zip(numbers["seeds"], numbers["objects"], numbers["rises"], numbers["metres"], strict=True)
    return [
        "## Grasps",
        "",
        "Rise: of the object, 0.12 m is a success. Reset: how far tool or object then was from where the reset before it had",
        "put it.",
        "",
        "| seed | object | rise, m | reset, mm |",
        "|---|---|---|---|",
        *(f"| {seed} | {kind} | {rise:.3f} | {moved * 1e3:.3f} |" for seed, kind, rise, moved in lines),
        "",
    ]
