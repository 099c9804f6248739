"""Rate accuracy from the command line: ``python -m embodiedcomp_codec.cli --codec av1 --bpp 0.01,0.05``, a Markdown table."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from embodiedcomp_codec.codec import CodecError, Image
from embodiedcomp_codec.rate_accuracy import Accuracy, measure
from embodiedcomp_codec.sequences import frozen, hard_cuts, noise, panning
from embodiedcomp_codec.stream import StreamConfig

SYNTHETIC: dict[str, Callable[[int, int, int], list[Image]]] = {
    "panning": panning,
    "cuts": lambda count, height, width: hard_cuts(count, height, width, every=60),
    "noise": noise,
    "frozen": frozen,
}
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one row a sequence and target; return the exit status."""
    parser = argparse.ArgumentParser(prog="embodiedcomp_codec.cli", description=__doc__)
    parser.add_argument("--codec", default="av1", help="codec name")
    parser.add_argument("--mode", default="inter", choices=("inter", "intra"))
    parser.add_argument("--bpp", default="0.005,0.01,0.02,0.05,0.1,0.2", help="targets, bits per source pixel")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each sequence, s")
    parser.add_argument("--period", type=float, default=0.1, help="time between frames, s")
    parser.add_argument("--size", type=int, default=256, help="side of the synthetic frames, pixels")
    parser.add_argument("--cameras", type=Path, help="an .npz with one (N, H, W, 3) uint8 array per camera")
    options = parser.parse_args(arguments)
    try:
        targets = [float(value) for value in options.bpp.split(",")]
        configs = [
            StreamConfig(options.codec, options.mode, target_bpp=bpp, frame_period=options.period) for bpp in targets
        ]
        for config in configs:
            config.validate()
        sequences = _sequences(options)
    except (CodecError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    print(
        "| sequence | target bpp | bpp | total | dearest window | cheapest | two windows from a key | keys | floor | ceiling |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, frames in sequences.items():
        for config in configs:
            print(_row(name, config, measure(frames, config, options.period)), flush=True)
    return 0


def _sequences(options: argparse.Namespace) -> dict[str, list[Image]]:
    count = round(options.seconds / options.period)
    found: dict[str, list[Image]] = {}
    if options.cameras is not None:
        with np.load(options.cameras, allow_pickle=False) as cameras:
            found = {name: [np.ascontiguousarray(frame) for frame in cameras[name][:count]] for name in cameras.files}
    return found | {name: make(count, options.size, options.size) for name, make in SYNTHETIC.items()}


def _row(name: str, config: StreamConfig, result: Accuracy) -> str:
    errors = (result.total, result.worst, result.least, result.key_pair)
    percent = " | ".join("–" if math.isnan(error) else f"{100 * error:+.1f} %" for error in errors)
    limits = f"{100 * result.floor:.0f} % | {100 * result.ceiling:.0f} %"
    return f"| {name} | {config.target_bpp:g} | {result.bpp:.4f} | {percent} | {result.keys} | {limits} |"


if __name__ == "__main__":
    sys.exit(main())
