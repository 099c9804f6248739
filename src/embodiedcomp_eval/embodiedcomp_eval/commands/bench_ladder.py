"""``embodiedcomp bench ladder CODEC``: which downsampling serves which target, measured, into ``config/codecs.yaml``."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from embodiedcomp_codec.codec import Codec, CodecError
from embodiedcomp_codec.config import SCHEDULES, Schedule, config_path
from embodiedcomp_codec.registry import codec_names, get_codec
from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.episode_frames import record_episodes
from embodiedcomp_eval.ladder import FACTORS, Point, envelope, measure_points, qualities, with_ladders
from embodiedcomp_eval.provenance import commit

Image = npt.NDArray[np.uint8]
Episodes = list[dict[str, list[Image]]]
INTRA_STEP = 15  # control steps between the frames that are coded alone
QUERY_STEP = 10  # the benchmark's replanning period, control steps
PACE_EPISODES, PACE_FRAMES = 2, 25  # at camera pace, of those recorded: a frame a step is many
ALL = "all"


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("ladder")(ladder)


def ladder(
    codecs: Annotated[
        list[str], typer.Argument(metavar="CODEC…", help=f"Names, or {ALL}: every still and video codec.")
    ],
    schedules: Annotated[
        list[str], typer.Option("--schedule", help=f"What to measure, may be repeated: {', '.join(SCHEDULES)}.")
    ] = list(SCHEDULES),  # noqa: B006
    episodes: Annotated[int, typer.Option(min=1, help="Recorded episodes of the scripted expert.")] = 4,
    seed: Annotated[int, typer.Option(help="The first of them, a development seed.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder of the measured points, a file per codec.")] = Path(
        "docs/results/ladders"
    ),
) -> int:
    """Measure PSNR and MS-SSIM against bpp at every factor and quality; write the upper envelope as the codec's ladder."""
    for schedule in schedules:
        if schedule not in SCHEDULES:
            raise ConfigError(f"schedule {schedule!r} is unknown; choose from {', '.join(SCHEDULES)}")
    chosen = [codec for name in codecs for codec in _codecs(name)]
    seeds = list(range(seed, seed + episodes))
    recorded = record_episodes(seeds)
    some = "" if len(schedules) == len(SCHEDULES) else "".join(f" --schedule {schedule}" for schedule in schedules)
    facts = {
        "command": f"embodiedcomp bench ladder {' '.join(codecs)}{some} --episodes {episodes} --seed {seed}",
        "commit": commit(out, config_path()),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seeds": f"{seeds[0]}–{seeds[-1]}",
    }
    comment = "{command}: commit {short}, {date}, seeds {seeds}".format(**facts, short=short_commit(facts["commit"]))
    table = []
    for codec in chosen:
        for schedule in SCHEDULES:
            if schedule not in schedules or ("intra" if schedule == "intra" else "inter") not in codec.modes:
                continue
            points = _measure(codec, schedule, recorded)
            rungs = envelope(points)
            _write(out / f"{codec.name}-{schedule}.json", _as_json(facts, points))
            # Read at the last moment: another codec's entry may have been written meanwhile.
            text = config_path().read_text(encoding="utf-8")
            _write(config_path(), with_ladders(text, codec.name, {schedule: rungs}, comment))
            table.append((f"{codec.name} {schedule}", " ".join(f"{n}/8 from {start:g}" for start, n in rungs)))
    show_table("ladders, bpp", [*table, ("written to", str(config_path()))])
    return 0


def short_commit(name: str) -> str:
    """Nine digits of it, and whether the tree was dirty."""
    return name[:9] + ("-dirty" if name.endswith("-dirty") else "")


def _codecs(name: str) -> list[Codec]:
    """The lossy codecs of that name, each able to encode here. A learned codec imports torch now, before any renderer."""
    chosen = []
    for each in codec_names("embodiedcomp_codec") if name == ALL else [name]:
        if name == ALL and _is_learned(each):
            continue
        codec = get_codec(each)
        try:
            codec.encoder(256, 256, codec.modes[0])
        except CodecError as error:
            if name != ALL:
                raise
            complain(f"left out: {error}")
            continue
        if not codec.lossless:
            chosen.append(codec)
        elif name != ALL:
            raise CodecError(f"codec {each!r} is lossless and never downsampled; choose a lossy one")
    return chosen


def _is_learned(name: str) -> bool:
    return getattr(get_codec(name), "strings", None) is not None


def _measure(codec: Codec, schedule: Schedule, recorded: Episodes) -> list[Point]:
    found = []
    with progress() as bar:
        row = bar.add_task(f"{codec.name} {schedule}", total=len(FACTORS) * len(qualities(codec)))
        for point in measure_points(codec, schedule, _groups(schedule, recorded)):
            found.append(point)
            bar.advance(row)
    return found


def _groups(schedule: Schedule, recorded: Episodes) -> list[list[Image]]:
    if schedule == "inter":
        return [frames[:PACE_FRAMES] for episode in recorded[:PACE_EPISODES] for frames in episode.values()]
    step = INTRA_STEP if schedule == "intra" else QUERY_STEP
    return [frames[::step] for episode in recorded for frames in episode.values()]


def _as_json(facts: dict[str, str], points: list[Point]) -> str:
    """Facts, then one point a line."""
    lines = [json.dumps({k: round(v, 5) for k, v in dataclasses.asdict(point).items()}) for point in points]
    return json.dumps(facts, ensure_ascii=False)[:-1] + ', "points": [\n' + ",\n".join(lines) + "\n]}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
