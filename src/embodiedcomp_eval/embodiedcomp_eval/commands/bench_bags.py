"""``embodiedcomp bench bags``: a bag of many GB, read, replayed and converted with memory that doesn't grow with it."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.flatness import flatness

WARM_UP = 0.1
"""Share of the messages after which allocators have what they need."""
SHARE = 0.001
"""Of the bag's size: what memory may grow by between the first and the last quarter of its messages."""
OUT = Path("docs/results/bags")


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("bags")(bags)


def bags(
    gigabytes: Annotated[float, typer.Option(min=0.05, help="Size of the bag, 10^9 bytes.")] = 20.0,
    storage: Annotated[str, typer.Option(help="mcap or sqlite3.")] = "mcap",
    stage: Annotated[
        list[str], typer.Option(help="decode, replay or lerobot; may be repeated.", show_default="all three")
    ] = [],  # noqa: B006
    folder: Annotated[Path, typer.Option(help="Where the bag is made; it is deleted afterwards.")] = Path("results"),
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = OUT,
) -> int:
    """Exit status 0 if nothing grows with the bag, 1 if something does. About a minute a GB."""
    from embodiedcomp_eval.bags.big_bag import FRAME_BYTES, STAGES, measure, write_big_bag

    unknown = [name for name in stage if name not in STAGES]
    if unknown:
        raise ConfigError(f"unknown stage {unknown[0]!r}; choose from {', '.join(STAGES)}")
    stages = [name for name in STAGES if not stage or name in stage]
    frames = int(gigabytes * 1e9 / FRAME_BYTES)
    work = folder / "bench-bags"
    if work.exists():
        raise ConfigError(f"{work} is left from a run that was killed or still goes on; remove it first")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < 1.2e9 * gigabytes:
        raise ConfigError(f"{folder} has {free / 1e9:.0f} GB free, and a bag of {gigabytes:g} GB needs a fifth more")
    work.mkdir()
    try:
        with progress() as bar, _alone() as pool:
            row = bar.add_task("write", total=1 + len(stages))
            pool.submit(write_big_bag, work / "bag", frames, storage).result()
            size = sum(file.stat().st_size for file in (work / "bag").iterdir())
            rows = []
            for name in stages:
                bar.update(row, advance=1, description=name)
                with _alone() as fresh:  # what one stage held is not the next one's
                    answer = fresh.submit(measure, name, work / "bag", work / name).result()
                warm = WARM_UP * answer["messages"][-1]
                kept = [pair for pair in zip(answer["messages"], answer["mebibytes"]) if pair[0] > warm]
                found = flatness(*map(list, zip(*kept)))
                flat = found.growth * 2**20 < SHARE * size
                rows.append({**answer, **vars(found), "flat": flat})
            bar.update(row, advance=1)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    asked = "".join(f" --stage {name}" for name in stage)
    command = f"embodiedcomp bench bags --gigabytes {gigabytes:g} --storage {storage}{asked}"
    result = {"frames": frames, "bag_bytes": size, "rows": rows}
    path = codec_evidence.write(out, f"{storage}-{gigabytes:g}GB", command, result)
    page = _page(out)
    show_table(
        f"{size / 1e9:.1f} GB of {storage}, {frames} pictures of 640x480",
        [
            (
                row["stage"],
                f"{row['first']:.0f} -> {row['last']:.0f} MiB ({row['growth']:+.1f}), peak {row['peak']:.0f}, "
                f"{row['seconds']:.0f} s",
            )
            for row in rows
        ]
        + [("written to", f"{path}, {page}")],
    )
    return int(not all(row["flat"] for row in rows))


def _page(folder: Path) -> Path:
    """A Markdown page of every measurement in the folder."""
    lines = [
        "# Bags larger than memory should be",
        "",
        "Raw 640x480 pictures at 30 Hz, read one after the other: *decode* looks at every picture, *replay* sends them",
        "through JPEG into a new bag with PSNR and tables, *lerobot* makes a dataset of one row a second. MiB that the",
        "process holds, interpreter and libraries included: median of the first and of the last quarter after a tenth of",
        f"the messages, and the highest ever. Flat: it grows by less than {SHARE:.1%} of the bag.",
        "",
        "| bag | stage | first quarter | last quarter | highest | flat | s | made by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file in sorted(folder.glob("*.json")):
        found = codec_evidence.read(folder, file.stem) or {}
        facts = found["facts"]
        made = f"`{facts['command']}`, {facts['commit'][:9]}, {facts['date']}, {facts['machine']}, load {facts['load']}"
        bag = f"{file.stem}, {found['bag_bytes'] / 1e9:.1f} GB, {found['frames']} pictures"
        for row in found["rows"]:
            held = " | ".join(f"{row[key]:.0f}" for key in ("first", "last", "peak"))
            flat = "yes" if row["flat"] else "no"
            lines.append(f"| {bag} | {row['stage']} | {held} | {flat} | {row['seconds']:.0f} | {made} |")
    path = folder / "README.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _alone() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
