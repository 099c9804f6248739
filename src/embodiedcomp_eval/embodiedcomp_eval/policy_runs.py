"""Episodes of one policy under several conditions on the same seeds, in this process; each condition has its folder."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.assembly import Parts, make_loop
from embodiedcomp_eval.failure_kinds import SignalRecorder, failure_kind
from embodiedcomp_eval.picture_distortion import DistortedView, Distortion
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import ResultsFolder, read_lines
from embodiedcomp_eval.summary import success_facts, summarise
from embodiedcomp_eval.trial_config import TrialConfig
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.vertical import tool_of

STRIP = "{kind}.{seed}.webp"
"""Name of the filmstrip of a kind's first episode, beside the episodes."""


def run_condition(
    config: TrialConfig,
    parts: Parts,
    folder: Path,
    strip: Callable[[list[Any]], bytes],
    tell: Callable[[int], None] = lambda finished: None,
    distortion: Distortion | None = None,
) -> None:
    """Run what the folder lacks. Lines say ``failure`` (a kind); the first episode of each kind leaves a filmstrip.

    strip: a WebP file of what the policy saw. tell hears the number of finished episodes after each.
    """
    task = config.validate()
    arm = make_arm(load_robot(task.robot))
    view = DistortedView(parts.policy, distortion)
    watch = SignalRecorder(parts.simulator.object_pose, lambda positions: tool_of(arm, positions[:-1]))
    configuration = config.to_mapping() | {"distortion": distortion.name if distortion else None}
    with ResultsFolder(folder, configuration, provenance(config.checkpoint)) as results:
        tell(len(results.lines))
        waiting = [(n, seed) for n, seed in enumerate(config.seeds) if n not in results.finished]
        if not waiting:
            return
        loop, recorder = make_loop(config, task, [watch], Parts(view, parts.simulator))
        for number, seed in waiting:
            started = time.perf_counter()
            loop.run(seed)
            line = recorder.line(number, time.perf_counter() - started)
            line["failure"] = failure_kind(watch.signals(), task.lift_height)
            slug = line["failure"].replace(" ", "-").replace(",", "")
            if not any(folder.glob(STRIP.format(kind=slug, seed="*"))):
                (folder / STRIP.format(kind=slug, seed=seed)).write_bytes(strip(view.seen))
            results.append(line)
            tell(len(results.lines))
        results.write_summary(summarise(config, task, results.lines, results.errors))


def read_condition(folder: Path, episodes: int) -> dict[str, Any]:
    """What the first ``episodes`` of a finished condition gave, JSON-able; outcomes in the order of the seeds."""
    lines = sorted(read_lines(folder / "episodes.jsonl"), key=lambda line: int(line["seed"]))[:episodes]
    return {
        **success_facts(lines),
        "payload_bpp": sum(8 * line["payload_bytes"] for line in lines) / sum(line["pixels"] for line in lines),
        "failures": dict(Counter(line["failure"] for line in lines if not line["success"])),
        "outcomes": [bool(line["success"]) for line in lines],
        "strips": {path.name.split(".")[0]: path.name for path in sorted(folder.glob("*.webp"))},
    }


def outcomes_of(condition: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """``(N,) bool`` of what ``read_condition`` returned."""
    return np.array(condition["outcomes"], dtype=np.bool_)
