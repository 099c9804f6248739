"""``embodiedcomp bench memory``: memory stays flat over 100,000 frames through both codec nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.commands.node_worker import serve
from embodiedcomp_eval.flatness import warmed_up

CODECS = ("jpeg", "h264", "hevc", "av1", "vp9")
SIDE, TARGET_BPP = 128, 0.05


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("memory")(memory)


def memory(
    codecs: Annotated[list[str] | None, typer.Argument(help=f"Codecs; default: {', '.join(CODECS)}.")] = None,
    frames: Annotated[
        int, typer.Option(min=1000, help=f"Of each codec, {SIDE}x{SIDE}, a key frame every 5000 at least.")
    ] = 100_000,
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
) -> int:
    """Exit status 0 if no codec's memory grows, 1 if one's does. Within the hour; rows of codecs that are not named stay."""
    jobs = [
        {"codec": codec, "width": SIDE, "height": SIDE, "frames": frames, "target_bpp": TARGET_BPP}
        for codec in codecs or CODECS
    ]
    rows = []
    with progress() as bar:
        row = bar.add_task("memory", total=len(jobs))
        for job in jobs:  # a process each: what one codec's library holds is not the next one's
            (answer,) = serve("memory_worker", [job])
            rows.append(answer)
            bar.update(row, advance=1, description=answer["codec"])
    command = f"embodiedcomp bench memory{codec_evidence.named(codecs)} --frames {frames}"
    facts = codec_evidence.facts(command, out)
    kept = codec_evidence.read(out, "memory") if codecs else None
    measured = {row["codec"] for row in rows}
    others = [{"facts": kept["facts"], **row} for row in kept["rows"] if row["codec"] not in measured] if kept else []
    path = codec_evidence.write(out, "memory", command, {"rows": [*others, *({"facts": facts, **row} for row in rows)]})
    table, flat = [], True
    for each in rows:
        found = warmed_up(each["frames"], each["mebibytes"])
        flat &= found.flat
        table.append((
            each["codec"],
            f"{found.first:.1f} -> {found.last:.1f} MiB (floor {found.floor:+.2f}), highest {found.highest:.1f}, "
            f"{found.bytes_per_frame:+.1f} bytes a frame, {each['seconds']:.0f} s",
        ))  # fmt: skip
    show_table(f"resident memory over {frames} frames", [*table, ("written to", str(path))])
    return int(not flat)
