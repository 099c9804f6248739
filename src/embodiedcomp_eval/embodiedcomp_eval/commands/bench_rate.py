"""``embodiedcomp bench rate``: does every codec keep its target, on six unlike sequences at six targets?"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import os
import platform
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import matplotlib.cbook
import numpy as np
import PIL.Image
import typer

from embodiedcomp_codec.codec import CodecError, Image, Mode
from embodiedcomp_codec.rate_accuracy import measure
from embodiedcomp_codec.registry import codec_names, get_codec
from embodiedcomp_codec.sequences import hard_cuts, noise, pan_photo, to_and_fro
from embodiedcomp_codec.stream import StreamConfig
from embodiedcomp_eval.commands.console import complain, progress
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.episode_frames import record_episodes
from embodiedcomp_eval.provenance import commit
from embodiedcomp_eval.results import read_lines

PERIOD = 0.1  # s
SIDE = 256
CUT_EVERY = 60  # frames
INTER_TARGETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # bpp
INTRA_TARGETS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
MOSTLY = 0.5  # of the frames at a limit: the row is about that limit
SEQUENCES = ("base", "wrist", "photo", "cuts", "noise", "frozen")

COLUMNS = (
    "sequence", "target bpp", "bpp", "total", "dearest window", "cheapest", "two windows from a key", "keys", "floor", "ceiling",
    "verdict",
)  # fmt: skip


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("rate")(rate)


def rate(
    codecs: Annotated[
        list[str] | None, typer.Argument(metavar="[CODEC…]", help="Names; default: every still and video codec.")
    ] = None,
    mode: Annotated[str, typer.Option(help="inter, intra or both.")] = "both",
    seconds: Annotated[float, typer.Option(help="Of each sequence for inter streams.")] = 30.0,
    intra_seconds: Annotated[float, typer.Option(help="Of each sequence for intra streams.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Development seed of the episode that both cameras show.")] = 10000,
    rows: Annotated[
        Path, typer.Option(help="Measured rows; a second run at the same commit goes on from there.")
    ] = Path("results/bench/rate.jsonl"),
    out: Annotated[Path, typer.Option(help="The page.")] = Path("docs/results/rate-accuracy.md"),
) -> int:
    """Encode every sequence at every target, judge each row by the promised tolerances, write a page."""
    if mode not in ("inter", "intra", "both"):
        raise ConfigError(f"mode {mode!r} is unknown; choose one of: inter, intra, both")
    for option, value in (("seconds", seconds), ("intra-seconds", intra_seconds)):
        if not 2 <= value < math.inf:
            raise ConfigError(
                f"{option} {value:g} is impossible; choose 2 or more: the first window counts for nothing"
            )
    runs = [run for run in _runs(codecs) if mode in (run[1], "both")]
    facts = {"commit": commit(out), "seed": seed}
    work = [
        {**facts, "codec": codec, "mode": each, "sequence": name, "target": target, "seconds": length}
        for codec, each in runs
        for length in [intra_seconds if each == "intra" else seconds]
        for name in SEQUENCES
        for target in (INTRA_TARGETS if each == "intra" else INTER_TARGETS)
    ]
    rows.parent.mkdir(parents=True, exist_ok=True)
    known = {_key(line): line for line in read_lines(rows)} if rows.exists() else {}
    missing = [item for item in work if _key(item) not in known]
    try:
        if missing:
            _run(missing, known, rows, _sequences(round(max(seconds, intra_seconds) / PERIOD), seed))
    finally:
        # Interrupted or not: what has been measured at this commit, in this run or another, is on the page.
        found = [line for line in known.values() if all(line[name] == value for name, value in facts.items())]
        if found:
            out.parent.mkdir(parents=True, exist_ok=True)
            left = [item for item in work if _key(item) not in known]
            out.write_text(page(found, facts, left), encoding="utf-8")
    held = sum(not line["misses"] for line in found)
    complain(f"{held} of {len(found)} rows keep the promise; written to {out}")
    return 0


def _run(
    missing: list[dict[str, Any]], known: dict[Any, dict[str, Any]], rows: Path, frames: dict[str, list[Image]]
) -> None:
    """Measure what is missing; every row is safe on disk before the next one begins."""
    with progress() as bar, open(rows, "a", encoding="utf-8") as file:
        task = bar.add_task("rows", total=len(missing))
        for item in missing:
            line = {**item, **_measure(item, frames)}
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
            known[_key(item)] = line
            bar.advance(task)


def _runs(names: list[str] | None) -> Iterator[tuple[str, Mode]]:
    for name in names or codec_names("embodiedcomp_codec"):
        codec = get_codec(name)
        if not names and (codec.lossless or getattr(codec, "strings", None) is not None):
            continue
        try:
            codec.encoder(SIDE, SIDE, codec.modes[0])
        except CodecError as error:
            if names:
                raise
            complain(f"left out: {error}")
            continue
        for mode in codec.modes:
            yield name, mode


def _sequences(count: int, seed: int) -> dict[str, list[Image]]:
    episode = record_episodes([seed])[0]
    cameras = {name.removesuffix("_camera"): to_and_fro(frames, count) for name, frames in episode.items()}
    with PIL.Image.open(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as photo:
        picture = np.asarray(photo.convert("RGB"))
    return {
        **cameras,
        "photo": pan_photo(picture, count, SIDE, SIDE),
        "cuts": hard_cuts(count, SIDE, SIDE, every=CUT_EVERY),
        "noise": noise(count, SIDE, SIDE),
        "frozen": [cameras["base"][0]] * count,
    }


def _measure(item: dict[str, Any], frames: dict[str, list[Image]]) -> dict[str, Any]:
    config = StreamConfig(item["codec"], item["mode"], target_bpp=item["target"], frame_period=PERIOD)
    found = measure(frames[item["sequence"]][: round(item["seconds"] / PERIOD)], config, PERIOD)
    # JSON knows no NaN.
    values = dataclasses.asdict(found).items()
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values}


def _key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("commit", "seed", "codec", "mode", "sequence", "target", "seconds"))


def page(lines: list[dict[str, Any]], facts: dict[str, Any], left: list[dict[str, Any]]) -> str:
    """The Markdown page of these rows: a summary per codec and mode, then every row. left: what was not measured."""
    runs = sorted({(line["mode"], line["codec"]) for line in lines})
    counts = Counter((item["codec"], item["mode"]) for item in left)
    cut = ", ".join(f"{codec} {mode} ({count} rows)" for (codec, mode), count in counts.items())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    parts = [
        "# Rate accuracy",
        "",
        f"`make bench ARGS=rate`, commit {facts['commit'][:9]}, {datetime.datetime.now(datetime.UTC).date()}, {machine} "
        "(no timing is claimed).",
        f"Frames of {SIDE}x{SIDE} at {1 / PERIOD:g} Hz, a window of 1 s. `base`, `wrist`: both simulator cameras in the expert's",
        f"episode of development seed {facts['seed']}, forwards and backwards without a cut. `photo`: a window that wanders over",
        f"a photograph. `cuts`: moving textures that change altogether every {CUT_EVERY} frames. `noise`: nothing to predict.",
        "`frozen`: one picture of the base camera.",
        "",
        "Promised: intra ±2 % over the stream and ±5 % in every window after the first; inter -5/+2 % over 30 s, at most +10 %",
        "in any window that holds no key frame and follows none within two, and over the two windows from a key frame.",
        "What a frame at the codec's floor costs beyond its share, and what one at the ceiling leaves of it, is no miss.",
        "The ceiling: the finest quality, or a picture that stands and gets no finer while all the credit that may be kept "
        "is left over.",
        "",
        *([f"**Not measured, this run was cut:** {cut}.", ""] if cut else []),
        "| codec | mode | rows | met | at its floor | at its ceiling | missed |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode, codec in runs:
        of = [line for line in lines if (line["mode"], line["codec"]) == (mode, codec)]
        verdicts = [_verdict(line).split(":")[0] for line in of]
        found = [str(verdicts.count(each)) for each in ("met", "at its floor", "at its ceiling", "missed")]
        parts.append(f"| {codec} | {mode} | {len(of)} | {' | '.join(found)} |")
    for mode, codec in runs:
        of = [line for line in lines if (line["mode"], line["codec"]) == (mode, codec)]
        parts += [
            "",
            f"## {codec} {mode}, {of[0]['seconds']:g} s",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
            *map(_row, of),
        ]
    return "\n".join(parts) + "\n"


def _row(line: dict[str, Any]) -> str:
    errors = (line[name] for name in ("total", "worst", "least", "key_pair"))
    percent = " | ".join("–" if error is None else f"{100 * error:+.1f} %" for error in errors)
    head = f"| {line['sequence']} | {line['target']:g} | {line['bpp']:.4f} | {percent} | {line['keys']} |"
    return f"{head} {100 * line['floor']:.0f} % | {100 * line['ceiling']:.0f} % | {_verdict(line)} |"


def _verdict(line: dict[str, Any]) -> str:
    if line["misses"]:
        return f"missed: {', '.join(line['misses'])}"
    if line["floor"] >= MOSTLY:
        return "at its floor"
    return "at its ceiling" if line["ceiling"] >= MOSTLY else "met"
