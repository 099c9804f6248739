"""``embodiedcomp train-codec``: weights of a learned codec from task frames, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_eval.commands.console import complain, show_table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train-codec")(train_codec)


def train_codec(
    codec: Annotated[str, typer.Argument(help="A learned codec's name, such as bmshj2018-hyperprior.")],
    lmbda: Annotated[
        list[float] | None, typer.Option("--lambda", help="Weight of the error, one set of weights for each.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Channels of the transforms.")] = 48,
    m: Annotated[int, typer.Option("--m", min=1, help="Channels of the latent.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Batches for the first lambda, the largest.")] = 3000,
    more_steps: Annotated[
        int | None, typer.Option(min=1, help="Batches for each further lambda, which goes on from the last; half.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Crops in a batch.")] = 4,
    crop: Annotated[int, typer.Option(help="Side of a crop, px, a multiple of 64.")] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate, falling on half a cosine.")] = 1e-3,
    start: Annotated[Path | None, typer.Option(help="Weight file to begin from, of another architecture too.")] = None,
    shards: Annotated[int, typer.Option(min=1, help="Shards of about 350 training frames.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render, threads that train.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of frames and weights; a second run goes on from there.")] = Path(
        "results/train-codec"
    ),
) -> int:
    """Render task frames of training seeds, train one set of weights a lambda, measure them on development seeds."""
    from embodiedcomp_eval.training.learned_codec import LAMBDAS, Plan, check, train_learned_codec

    if start is not None and not start.is_file():
        raise CodecError(f"start {str(start)!r}: no such file")
    plan = Plan(
        codec=codec, lambdas=tuple(lmbda or LAMBDAS), n=n, m=m, steps=steps, more_steps=more_steps or max(1, steps // 2),
        batch=batch, crop=crop, rate=rate, start=start, shards=shards, workers=workers,
    )  # fmt: skip
    check(plan)
    made = train_learned_codec(plan, out, complain)
    rows = []
    for file, tables in made:
        for kind, points in tables.items():
            rows += [(f"{file.name}, {kind}, {p.downsample}/8", f"{p.bpp:.4f} bpp  {p.psnr:.2f} dB") for p in points]
    show_table("real strings on development seeds", rows)
    complain(
        f"trained: {made[0][0].parent}; try it: make trial ARGS='--codec {codec}' with EMBODIEDCOMP_WEIGHTS set to it"
    )
    return 0
