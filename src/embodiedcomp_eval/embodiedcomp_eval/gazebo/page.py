"""The results of ``gazebo-check`` as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(evidence: Mapping[str, Any]) -> str:
    """Markdown from the record that the check wrote."""
    rows = [
        f"| {'yes' if check['passed'] else '**no**'} | {check['name']} | {check['text']} |"
        for check in evidence["checks"]
    ]
    return "\n".join(
        [
            "# Gazebo",
            "",
            f"Written by `embodiedcomp gazebo-check --results-page` on {evidence['date']},"
            f" commit {evidence['facts']['commit'][:14]},"
            f" Gazebo {str(evidence['gazebo']).capitalize()} with the {evidence['render_engine']} engine,"
            f" {evidence['machine']}, no GPU.",
            "",
            "| passed | what | found |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
