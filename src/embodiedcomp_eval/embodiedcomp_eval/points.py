"""From finished episodes to points: one cell's episodes in a few numbers per seed, flat however many there are.

The uncompressed cell that shares a cell's conditions is its *reference*: it gives the success rate that the threshold is
relative to, and for each seed the most queries that may count (design: embodied bitrate threshold).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.sweep_config import RIVALS, UNCOMPRESSED
from embodiedcomp_eval.trial_config import TrialConfig

CONDITIONS = ("task", "policy", "checkpoint", "server", "send", "sensor", "grey", "timing", "link")
"""Options that all points of a curve share."""


@dataclass(frozen=True)
class Point:
    """One cell's episodes, seed by seed, arrays ``(N,)`` in the order of ``seeds``.

    bits, pixels, seconds: payload bits, source pixels and simulated time of every episode. The ``capped_`` ones count at
    most as many queries as the uncompressed episode of that seed made; without a reference they equal the full ones.
    curve: name of the curve that the point lies on. objects: what was to be lifted. motion: the episode's motion metrics.
    """

    name: str
    curve: str
    options: Mapping[str, Any]
    seeds: npt.NDArray[np.int64]
    success: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.float64]
    capped_bits: npt.NDArray[np.float64]
    capped_pixels: npt.NDArray[np.float64]
    capped_seconds: npt.NDArray[np.float64]
    objects: tuple[str, ...]
    motion: Mapping[str, npt.NDArray[np.float64]]

    @property
    def payload_bpp(self) -> float:
        """Pooled over all frames sent; NaN if none was."""
        pixels = float(self.pixels.sum())
        return float(self.bits.sum()) / pixels if pixels else float("nan")

    @property
    def bits_per_success(self) -> float:
        """Payload bits of all episodes over the successes; inf if there is none."""
        successes = int(self.success.sum())
        return float(self.bits.sum()) / successes if successes else float("inf")

    def by_object(self) -> dict[str, tuple[int, int]]:
        """Object -> (successes, episodes)."""
        episodes = Counter(self.objects)
        successes = Counter(name for name, good in zip(self.objects, self.success, strict=True) if good)
        return {name: (successes[name], episodes[name]) for name in sorted(episodes)}


def shared_conditions(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The conditions that are the same in all of ``options``: said once, not in every curve's name."""
    return {
        key: options[0][key]
        for key in CONDITIONS
        if options and all(other[key] == options[0][key] for other in options)
    }


def curve_name(options: Mapping[str, Any], shared: Collection[str] = ()) -> str:
    """``av1 inter`` and each condition that is neither ``shared`` nor a plain trial's: ``av1 inter, sensor real``."""
    plain = TrialConfig().to_mapping()
    more = [
        f"{key} {str(options[key]).rpartition('/')[2]}"
        for key in (*CONDITIONS, "budget_window")
        if key not in shared and options[key] != plain[key]
    ]
    codec = options["codec"] if options["codec"] in (UNCOMPRESSED, *RIVALS) else f"{options['codec']} {options['mode']}"
    return ", ".join([codec, *more])


def reference_conditions(options: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a cell and its uncompressed reference must share; the reference is sent over a perfect link, for free."""
    return tuple(options[key] for key in CONDITIONS if key not in ("timing", "link", "grey"))


def is_reference(options: Mapping[str, Any]) -> bool:
    """Is this the uncompressed run that others of its conditions are held against?"""
    return (
        options["codec"] == UNCOMPRESSED
        and options["link"] == "none"
        and options["timing"] == "lockstep"
        and not options["grey"]
    )


@dataclass(frozen=True)
class Reference:
    """The uncompressed run, by seed: success, how often frames were sent, and how long it took (s of simulated time).

    names: of the cells it was read from; more than one where several sweeps ran it.
    """

    names: tuple[str, ...]
    success: dict[int, bool]
    sends: dict[int, int]
    seconds: dict[int, float]


def make_reference(name: str, lines: Iterable[Mapping[str, Any]]) -> Reference:
    """Read the uncompressed cell's lines."""
    success, sends, seconds = {}, {}, {}
    for line in lines:
        seed = line["seed"]
        success[seed] = line["success"]
        sends[seed] = max(map(len, line["frame_bytes"].values()), default=0)
        seconds[seed] = line["duration"]
    return Reference((name,), success, sends, seconds)


def merge_references(runs: Sequence[Reference]) -> tuple[Reference, list[int]]:
    """Uncompressed runs of the same conditions as one, the earlier one's episode where two have a seed; and the seeds on
    which two of them end differently."""
    success: dict[int, bool] = {}
    sends: dict[int, int] = {}
    seconds: dict[int, float] = {}
    differ = set()
    for run in runs:
        differ |= {seed for seed, won in run.success.items() if success.get(seed, won) != won}
        success, sends, seconds = run.success | success, run.sends | sends, run.seconds | seconds
    return Reference(tuple(name for run in runs for name in run.names), success, sends, seconds), sorted(differ)


def make_point(
    name: str,
    trial: TrialConfig,
    lines: Iterable[Mapping[str, Any]],
    reference: Reference | None = None,
    shared: Collection[str] = (),
) -> Point:
    """Read one cell's lines, by seed, holding no more of each than a few numbers. shared: see ``curve_name``."""
    rows = []
    objects = []
    for line in lines:
        sends = reference.sends.get(line["seed"]) if reference else None
        longest = reference.seconds.get(line["seed"]) if reference else None
        sizes = line["frame_bytes"].values()
        per_frame = line["pixels"] / line["frames_sent"] if line["frames_sent"] else 0.0
        objects.append(str(line["scene"].get("object", "object")))
        rows.append(
            (
                line["seed"],
                line["success"],
                line["steps"],
                8.0 * line["payload_bytes"],
                line["pixels"],
                line["duration"],
                8.0 * sum(sum(of_camera[:sends]) for of_camera in sizes),
                per_frame * sum(len(of_camera[:sends]) for of_camera in sizes),
                line["duration"] if longest is None else min(line["duration"], longest),
                line["path_length"],
                np.nan if line["action_efficiency"] is None else line["action_efficiency"],
                line["jerk"],
            )
        )
    order = sorted(range(len(rows)), key=lambda i: rows[i][0])
    table = np.array([rows[i] for i in order], dtype=np.float64).reshape(len(rows), 12)
    return Point(
        name=name,
        curve=curve_name(trial.to_mapping(), shared),
        options=trial.to_mapping(),
        seeds=table[:, 0].astype(np.int64),
        success=table[:, 1].astype(bool),
        steps=table[:, 2].astype(np.int64),
        bits=table[:, 3],
        pixels=table[:, 4],
        seconds=table[:, 5],
        capped_bits=table[:, 6],
        capped_pixels=table[:, 7],
        capped_seconds=table[:, 8],
        objects=tuple(objects[i] for i in order),
        motion={"path_length": table[:, 9], "action_efficiency": table[:, 10], "jerk": table[:, 11]},
    )
