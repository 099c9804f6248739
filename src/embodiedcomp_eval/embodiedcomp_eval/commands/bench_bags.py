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
                rows.append({**answer, **vars(found), "flat": found.flat})
            bar.update(row, advance=1)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    asked = "".join(f" --stage {name}" for name in stage)
    command = f"embodiedcomp bench bags --gigabytes {gigabytes:g} --storage {storage}{asked}"
    result = {"frames": frames, "bag_bytes": size, "rows": rows}
    path = codec_evidence.write(out, f"bags-{storage}-{gigabytes:g}GB", command, result)
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
        + [("written to", str(path))],
    )
    return int(not all(row["flat"] for row in rows))


def _alone() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
