"""``embodiedcomp bench stages``: does this machine give the bytes that another one recorded, and if not, where not?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval import stages as concept
from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.trial_config import TrialConfig

REFERENCE = Path("docs/results/stages.json")
ACROSS_MACHINES = ("seed", "success", "steps", "payload_bytes", "actions_sha256", "packets_sha256")
"""Of an episode's line: what its digest is made of."""


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(stages)


def stages(
    reference: Annotated[Path, typer.Option(help="Digests to compare with.")] = REFERENCE,
    out: Annotated[
        Path | None, typer.Option(help="Write this machine's digests there, for another one to compare with.")
    ] = None,
) -> int:
    """Digests of scene, physics, render, codecs, policy and one episode. Exit status 0 if all are the reference's, 1 if not."""
    there = None if out is not None else _read(reference)
    digests: dict[str, str] = {}
    with progress() as bar:
        row = bar.add_task("stages", total=None)
        for name, digest in _run():
            digests[name] = digest
            bar.update(row, advance=1, description=name)
    facts = {**provenance(), **_renderer()}
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"facts": facts, "digests": digests}, indent=2) + "\n", encoding="utf-8")
        show_table("digests of the stages", [*((n, d[:16]) for n, d in digests.items()), ("written to", str(out))])
        return 0
    assert there is not None
    found = concept.compare(there["digests"], digests)
    rows = [(name, f"{word}  {digests.get(name, '')[:16]}") for name, word in found.items()]
    show_table(f"this machine beside {reference}", rows)
    differ = [name for name, word in found.items() if word == "differs"]
    if differ:
        complain(f"embodiedcomp: differs: {', '.join(differ)}; the first in the order of the loop is {differ[0]}")
        _say_versions(there["facts"], facts)
        return 1
    complain("embodiedcomp: every stage that both have is the same, byte for byte")
    return 0


def _run() -> Any:
    from embodiedcomp_eval.assembly import Parts, make_loop, make_parts

    config = TrialConfig(codec="av1", target_bpp=0.05, transport="inprocess", episodes=1, seed=concept.PHYSICS_SEED)
    task = config.validate()
    parts = make_parts(config, task)

    def episode() -> str:
        loop, recorder = make_loop(config, task, parts=Parts(parts.policy, parts.simulator))
        loop.run(config.seed)
        line = recorder.line(0, 0.0)
        return hashlib.sha256(json.dumps([line[key] for key in ACROSS_MACHINES]).encode()).hexdigest()

    yield from concept.stages(parts.policy, parts.simulator, episode)
    parts.simulator.close()


def _renderer() -> dict[str, str]:
    import os

    return {"renderer": os.environ.get("MUJOCO_GL", "unknown"), "processor": _processor()}


def _processor() -> str:
    """The processor's name where the system tells it."""
    file = Path("/proc/cpuinfo")
    names = [line for line in file.read_text().splitlines() if line.startswith("model name")] if file.exists() else []
    return names[0].partition(":")[2].strip() if names else "unknown"


def _say_versions(there: dict[str, Any], here: dict[str, Any]) -> None:
    """What else differs, one line each: mostly the cause."""
    for key in sorted({*there, *here} - {"packages", "commit", "weights_sha256"}):
        if there.get(key) != here.get(key):
            complain(f"  {key}: {there.get(key)} in the reference, {here.get(key)} here")
    for name in sorted({*there.get("packages", {}), *here.get("packages", {})}):
        pair = there.get("packages", {}).get(name), here.get("packages", {}).get(name)
        if pair[0] != pair[1]:
            complain(f"  {name}: {pair[0]} in the reference, {pair[1]} here")
    if there.get("weights_sha256") != here.get("weights_sha256"):
        complain("  the policy's weights are others")


def _read(path: Path) -> dict[str, Any]:
    """Raises ConfigError where there is no reference to be read."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}; --out FILE writes this machine's digests") from error
    except ValueError as error:
        raise ConfigError(f"{path} holds no digests: {error}") from error
    if not isinstance(content, dict) or not {"facts", "digests"} <= set(content):
        raise ConfigError(f"{path} holds no digests: the keys facts and digests are missing")
    return content
