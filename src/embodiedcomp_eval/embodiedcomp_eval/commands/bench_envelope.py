"""``embodiedcomp bench envelope``: bytes on the wire for both cameras of the benchmark, one message each and in one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import progress, show_table
from embodiedcomp_eval.commands.node_worker import serve
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.episode_frames import record_episodes

CODECS = ("av1", "hevc", "h264", "vp9")
BOUND = 3.0


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("envelope")(envelope)


def envelope(
    codecs: Annotated[list[str] | None, typer.Argument(help=f"Codecs; default: {', '.join(CODECS)}.")] = None,
    target_bpp: Annotated[float, typer.Option(help="Payload bits per source pixel.")] = 0.005,
    seed: Annotated[int, typer.Option(help="Development seed of the episode.")] = 10000,
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
) -> int:
    """Measured on a loopback of its own (UDPv4, MTU 1500) with IP headers; needs root. Status 1 above three times the payload."""
    if os.geteuid() != 0:
        raise ConfigError("bench envelope listens to the wire, which takes root")
    with tempfile.TemporaryDirectory() as scratch, progress() as bar:
        row = bar.add_task("envelope", total=2 * len(codecs or CODECS))
        films = Path(scratch) / "films.npz"
        (episode,) = record_episodes([seed])
        np.savez(films, **{name: np.stack(frames) for name, frames in episode.items()})
        jobs = [
            {"codec": codec, "target_bpp": target_bpp, "films": str(films), "bundle": bundle}
            for codec in codecs or CODECS
            for bundle in (False, True)
        ]
        rows = []
        # The range "localhost" brings shared memory back, whatever the transports; in a namespace of its own it isn't needed.
        wire = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
        for answer in serve("envelope_rig", jobs, prefix=("unshare", "--net"), **wire):
            rows.append(answer)
            bar.update(row, advance=1, description=answer["codec"])
    command = f"embodiedcomp bench envelope{codec_evidence.named(codecs)} --target-bpp {target_bpp:g} --seed {seed}"
    path = codec_evidence.write(out, "envelope", command, {"seed": seed, "rows": rows})
    show_table(
        f"payload and wire at {target_bpp:g} bpp, two cameras",
        [
            (
                f"{row['codec']}{' in one message' if row['bundle'] else ''}",
                f"{row['payload_bytes'] / row['instants']:.1f} bytes an instant, "
                f"{row['wire_bytes'] / row['instants']:.1f} on the wire: {row['wire_bytes'] / row['payload_bytes']:.2f} times",
            )
            for row in rows
        ]
        + [("written to", str(path))],
    )
    return int(any(row["bundle"] and row["wire_bytes"] > BOUND * row["payload_bytes"] for row in rows))
