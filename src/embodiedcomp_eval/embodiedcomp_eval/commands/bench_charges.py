"""``embodiedcomp bench charges CODEC``: what a query costs with timing ``charged``, measured, into ``config/charges.yaml``."""

from __future__ import annotations

import datetime
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.weights import use_weights
from embodiedcomp_eval.charges import FILE, CodecCharge, with_charge
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.config import config_file
from embodiedcomp_eval.episode_frames import record_episodes

QUERY_STEP = 10  # control steps between two frames, the benchmark's replanning period
QUERY_PERIOD = 1.0  # s
PUBLISHED_SIZE = (128, 192)  # channels of transforms and latent


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("charges")(charges)


def charges(
    codecs: Annotated[list[str], typer.Argument(metavar="CODEC…", help="Codec plug-ins.")],
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel.")] = 0.05,
    episodes: Annotated[int, typer.Option(min=1, help="Recorded episodes of the scripted expert.")] = 2,
    seed: Annotated[int, typer.Option(help="The first of them, a development seed.")] = 10000,
    untrained: Annotated[
        bool,
        typer.Option(
            help="Learned codecs that have no weights here: time networks of the published size with random ones."
        ),
    ] = False,
) -> int:
    """Median CPU seconds to encode a task frame under its target and to decode it; rewrites these codecs' lines."""
    with tempfile.TemporaryDirectory() as scratch:
        if untrained:
            for name in codecs:
                write_untrained(name, Path(scratch))
            use_weights(scratch)
        try:
            return _charge(codecs, target_bpp, range(seed, seed + episodes), ", untrained weights" if untrained else "")
        finally:
            if untrained:
                use_weights(None)


def write_untrained(codec: str, folder: Path) -> None:
    """Random weights for a network of the size that CompressAI publishes for its lower rates. Raises CodecError for a
    codec that isn't learned."""
    from embodiedcomp_codec.training.learned import Recipe, build, finish, write_weights

    recipe = Recipe(codec, lmbda=0.01, n=PUBLISHED_SIZE[0], m=PUBLISHED_SIZE[1])
    recipe.validate()
    write_weights(folder / f"{codec}.safetensors", finish(build(recipe)), {"lambda": f"{recipe.lmbda}"})


def _charge(codecs: list[str], target_bpp: float, seeds: Sequence[int], remark: str) -> int:
    config = {name: StreamConfig(codec=name, target_bpp=target_bpp, frame_period=QUERY_PERIOD) for name in codecs}
    for each in config.values():
        each.validate()
        EncoderStream(each)  # a learned codec imports torch now, before any renderer
    sequences = [frames[::QUERY_STEP] for episode in record_episodes(list(seeds)) for frames in episode.values()]
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows = []
    with progress() as bar:
        for name in codecs:
            if getattr(get_codec(name), "lossless", False):
                config[name] = StreamConfig(codec=name, frame_period=QUERY_PERIOD)
            row = bar.add_task(name, total=len(sequences))
            times: list[tuple[float, float]] = []
            for frames in sequences:
                times += _times(config[name], frames)
                bar.advance(row)
            encode, decode = (statistics.median(column) for column in zip(*times, strict=True))
            charge = CodecCharge(round(encode, 4), round(decode, 4))
            path = config_file(FILE).resolve()
            # Read at the last moment: another codec's entry may have been written meanwhile.
            text = with_charge(path.read_text(encoding="utf-8"), name, charge, f"bench charges, {date}{remark}")
            partial = path.with_name(path.name + ".partial")
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
            rows.append((name, f"encode {1e3 * encode:.1f} ms, decode {1e3 * decode:.1f} ms, {len(times)} frames"))
    show_table(f"CPU time at {target_bpp:g} bpp, medians", [*rows, ("written to", str(config_file(FILE)))])
    return 0


def _times(config: StreamConfig, frames: list[npt.NDArray[np.uint8]]) -> list[tuple[float, float]]:
    """CPU seconds (encode, decode) of each frame of one stream, but the first, which warms up."""
    encoder, decoder, found = EncoderStream(config), DecoderStream(), []
    for number, frame in enumerate(frames):
        start = time.process_time()
        packet = encoder.encode(frame, round(number * QUERY_PERIOD * 1e9)).packet
        between = time.process_time()
        decoder.decode(packet)
        found.append((between - start, time.process_time() - between))
    return found[1:] or found
