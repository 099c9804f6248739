"""``embodiedcomp bench policy-page``: one page on the reference policy from what the benches have written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import complain
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.policy_page import MEASURE, hundred_of, page, strips
from embodiedcomp_eval.provenance import SHIPPED_WEIGHTS
from embodiedcomp_eval.results import read_lines


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("policy-page")(policy_page)


def policy_page(
    results: Annotated[
        Path,
        typer.Option(
            help="Folder of what the benches wrote: policy, policy_more (further seeds), policy-speed.json, distortion, "
            "distortion_more, robust, guard."
        ),
    ] = Path("results/bench"),
    docs: Annotated[
        Path, typer.Option(help="Folder of policy.md; what is found is kept in its folder policy/.")
    ] = Path("docs/results"),
) -> int:
    """Copy what the benches have written beside the page and write it; what nobody measured keeps its last result."""
    if not docs.is_dir():
        raise ConfigError(f"no such folder: {docs}")
    keep = docs / "policy"
    keep.mkdir(exist_ok=True)
    evidence: dict[str, Any] = {}
    for name in MEASURE:
        own = {
            "speed": "policy-speed.json",
            "policy_more": "policy_more/policy.json",
            "distortion_more": "distortion_more/distortion.json",
        }
        fresh = results / own.get(name, f"{name}/{name}.json")
        kept = docs / "loop" / "loop.json" if name == "loop" else keep / f"{name}.json"
        if fresh.is_file() and name != "loop":
            shutil.copyfile(fresh, kept)
            if name == "distortion":
                _copy_pictures(fresh, keep)
        evidence[name] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else None
    if evidence["loop"] is not None:
        evidence["loop"] = evidence["loop"]["numbers"]
    paper = docs / "paper_reference" / "episodes.jsonl"
    hundred = hundred_of(read_lines(paper)) if paper.is_file() else None
    readmes = {
        p.parent.name: p.read_text(encoding="utf-8") for p in sorted(SHIPPED_WEIGHTS.glob("reference*/README.md"))
    }
    (docs / "policy.md").write_text(page(evidence, hundred, readmes), encoding="utf-8")
    missing = [MEASURE[name] for name, found in evidence.items() if found is None]
    complain(f"written: {docs / 'policy.md'}" + (f"; not measured: {', '.join(missing)}" if missing else ""))
    return 0


def _copy_pictures(fresh: Path, keep: Path) -> None:
    for old in keep.glob("*.webp"):
        old.unlink()
    shutil.copyfile(fresh.with_suffix(".png"), keep / "distortion.png")
    for name, (condition, file) in strips(json.loads(fresh.read_text(encoding="utf-8"))).items():
        shutil.copyfile(fresh.parent / condition / file, keep / name)
