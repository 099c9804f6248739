"""``embodiedcomp bench parity``: the same trial over ROS, in process, and in process again, compared byte for byte."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.comparison import differences
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import ResultsFolder, read_lines
from embodiedcomp_eval.trial_config import Transport, TrialConfig

RUNS: dict[str, Transport] = {"ros": "ros", "ros again": "ros", "inprocess": "inprocess"}


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command()(parity)


def parity(
    codec: Annotated[str, typer.Option(help="Codec plug-in.")] = "av1",
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel.")] = 0.05,
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    task: Annotated[str, typer.Option(help="Name in config/tasks, or a YAML file.")] = "ur5e_lift",
    episodes: Annotated[int, typer.Option(help="How many, one seed each.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first.")] = 10000,
    out: Annotated[Path, typer.Option(help="Where the evidence goes.")] = Path("results/bench/parity.json"),
) -> int:
    """Exit status 0 if actions, steps, packet bytes and all else are the same in every run, 1 if not."""
    target = math.nan if codec == "none" else target_bpp
    config = TrialConfig(
        codec=codec, target_bpp=target, policy=policy, checkpoint=checkpoint, task=task, episodes=episodes, seed=seed
    )
    with tempfile.TemporaryDirectory() as scratch, progress() as bar:
        lines = {}
        for name, transport in RUNS.items():
            row = bar.add_task(name, total=episodes)
            folder = Path(scratch) / name
            _run(dataclasses.replace(config, transport=transport), folder, lambda done: bar.update(row, completed=done))  # noqa: B023
            lines[name] = read_lines(folder / "episodes.jsonl")
    first = lines["ros"]
    found = {name: differences(first, others) for name, others in lines.items() if name != "ros"}
    keys = ("seed", "success", "steps", "payload_bytes", "actions_sha256", "packets_sha256")
    evidence: dict[str, Any] = {
        "configuration": config.to_mapping(),
        "facts": provenance(checkpoint),
        "runs": list(RUNS),
        "differences": found,
        "episodes": [{key: line[key] for key in keys} for line in first],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    rows = [
        (f"seed {e['seed']}", f"{e['steps']} steps, {e['payload_bytes']} bytes, packets {e['packets_sha256'][:12]}")
        for e in evidence["episodes"]
    ]
    rows += [
        (f"ros and {name}", "identical" if not words else f"{len(words)} differences") for name, words in found.items()
    ]
    show_table("the same trial in separate nodes and in one process", [*rows, ("written to", str(out))])
    for words in found.values():
        for line in words[:5]:
            complain(line)
    return int(any(found.values()))


def _run(config: TrialConfig, folder: Path, tell: Any) -> None:
    from embodiedcomp_eval.assembly import make_loop
    from embodiedcomp_eval.inprocess import run_episodes
    from embodiedcomp_eval.ros_trial import run_ros_trial

    task = config.validate()
    if config.transport == "ros":
        run_ros_trial(config, task, folder, lambda done, text: tell(done))
        return
    loop, recorder = make_loop(config, task)
    with ResultsFolder(folder, config.to_mapping()) as results:
        run_episodes(config, task, loop, recorder, results, tell)
    loop.close()
