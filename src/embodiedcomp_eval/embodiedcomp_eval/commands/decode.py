"""``embodiedcomp decode``: the image topics of a rosbag2 as PNG files or lossless video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(decode)


def decode(
    bag: Annotated[Path, typer.Argument(help="A rosbag2: its folder, or one .mcap or .db3 file.")],
    kind: Annotated[str, typer.Option(help="pictures (PNG) or video (FFV1, lossless).")] = "pictures",
    topic: Annotated[
        list[str], typer.Option(help="Image topic; may be repeated.", show_default="each camera's rawest")
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/decode-BAG")] = None,
) -> int:
    """Decode a bag's image topics (raw, JPEG, PNG, ours, video) with the live decoder."""
    from embodiedcomp_eval.bags.export import export

    folder = out or Path("results") / f"decode-{bag.resolve().stem}"
    console = Console(soft_wrap=True)
    for done in export(bag, folder, kind, topic):
        left_out = f", {done.skipped} messages gave no picture" if done.skipped else ""
        console.print(f"{done.topic}: {done.frames} frames in {done.path}{left_out}")
    return 0
