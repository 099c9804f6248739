"""``embodiedcomp bench loss``: real nodes over a link that loses packets, and decoders that start late."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.commands.node_worker import serve

CODECS = ("av1", "hevc", "h264", "vp9")


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("loss")(loss)


def loss(
    codecs: Annotated[list[str] | None, typer.Argument(help=f"Codecs; default: {', '.join(CODECS)}.")] = None,
    probability: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of packets that vanish.")] = 0.1,
    seconds: Annotated[float, typer.Option(min=5.0, help="Of frames at 10 Hz.")] = 30.0,
    joins: Annotated[int, typer.Option(min=1, help="Decoders that start late, one after the other.")] = 5,
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel.")] = 0.05,
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
) -> int:
    """Exit status 1 if a picture was built on a missing reference, or came back later than two frames after a key frame."""
    jobs = [
        {
            "codec": codec, "target_bpp": target_bpp, "side": 256, "rate": 10.0, "seconds": seconds,
            "probability": probability, "seed": 1, "joins": joins,
        }
        for codec in codecs or CODECS
    ]  # fmt: skip
    with progress() as bar:
        row = bar.add_task("loss", total=len(jobs))
        rows = []
        for answer in serve("loss_rig", jobs):
            rows.append(answer)
            bar.update(row, advance=1, description=answer["codec"])
    asked = f"loss{codec_evidence.named(codecs)}"
    command = f"embodiedcomp bench {asked} --probability {probability:g} --seconds {seconds:g} --joins {joins}"
    path = codec_evidence.write(out, "loss", command, {"rows": rows})
    show_table(
        f"{probability:.0%} random loss at 10 Hz, and late decoders",
        [
            (
                row["codec"],
                f"{row['shown']} of {row['sent']} shown ({row['lost']} lost), {row['wrong']} wrong; back "
                f"{max(row['back'], default=0)} frames after a key frame at most; late: {max(row['join_seconds']):.2f} s at most",
            )
            for row in rows
        ]
        + [("written to", str(path))],
    )
    return int(any(row["wrong"] or max(row["back"], default=0) > 2 for row in rows))
