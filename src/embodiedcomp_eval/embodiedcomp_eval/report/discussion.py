"""Numbers in the words of a discussion come from the evaluation, so that they can't go stale when episodes are added.

``{{SUBJECT | KEY}}`` or ``{{SUBJECT | KEY | FORMAT}}``: SUBJECT is a point as the tables name it (``av1 inter 0.015 bpp``), a
curve (``av1 inter``), a comparison (``av1 inter 0.015 bpp against av1 intra 0.015 bpp``), a metric (``metric psnr``), a
sweep (``sweep curve``) or all sweeps (``plan``); KEY one of its values, FORMAT Python's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.report.plan import plan_of

FIELD = re.compile(r"\{\{([^{}]*)\}\}")


def fill_in(words: str, evaluation: Mapping[str, Any], where: str) -> str:
    """``words`` with each field's value in its place. where: the file, for messages.

    Raises ConfigError naming a field that the results can't fill: an unknown subject or key, a format that doesn't fit.
    """
    subjects = _subjects(evaluation)

    def value(match: re.Match[str]) -> str:
        subject, _, rest = (part.strip() for part in match[1].partition("|"))
        key, _, form = (part.strip() for part in rest.partition("|"))
        if subject not in subjects:
            raise ConfigError(f"{where}: {match[0]}: no {subject!r} in these results")
        values = subjects[subject]
        if key not in values:
            raise ConfigError(f"{where}: {match[0]}: {subject} has no {key!r}; it has {', '.join(values)}")
        try:
            return format(values[key], form)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {match[0]}: {key} is {values[key]!r}, which {form!r} can't format") from error

    return FIELD.sub(value, words)


def point_label(row: Mapping[str, Any]) -> str:
    """``av1 inter 0.015 bpp``: how tables and prose name a point."""
    return " ".join(part for part in (str(row["curve"]), target_text(row)) if part)


def target_text(row: Mapping[str, Any]) -> str:
    """``0.015 bpp``, ``2000 bit/s`` or nothing: what a point's rate control was asked for."""
    if row["target_bpp"] is not None:
        return f"{row['target_bpp']:g} bpp"
    return "" if row["target_bitrate"] is None else f"{row['target_bitrate']:g} bit/s"


def _subjects(evaluation: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every subject's values, nested ones by a dotted key (``threshold_bpp.text``)."""
    labels = {row["name"]: point_label(row) for row in evaluation["points"]}
    sweeps = plan_of(evaluation)
    return {
        **{row["name"]: _flat(row) for row in evaluation["curves"]},
        **{labels[row["name"]]: _flat(row) for row in evaluation["points"]},
        **{f"{labels[r['candidate']]} against {labels[r['anchor']]}": _flat(r) for r in evaluation["comparisons"]},
        **{f"metric {name}": dict(found) for name, found in evaluation["correlations"].items()},
        **{f"sweep {row['sweep']}": row for row in sweeps},
        "plan": {key: sum(row[key] for row in sweeps) for key in ("planned", "run")},
    }


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found
