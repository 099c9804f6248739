"""``embodiedcomp bench cameras``: four cameras at full pace into one encoder; nothing may be dropped on two idle cores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import show_table
from embodiedcomp_eval.commands.node_worker import serve
from embodiedcomp_eval.config import config_file
from embodiedcomp_eval.results import ResultsError


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("cameras")(cameras)


def cameras(
    codec: Annotated[str, typer.Option(help="Codec plug-in, inter.")] = "h264",
    count: Annotated[int, typer.Option(min=1, max=16, help="Cameras.")] = 4,
    width: Annotated[int, typer.Option(min=2, help="px")] = 640,
    height: Annotated[int, typer.Option(min=2, help="px")] = 480,
    rate: Annotated[float, typer.Option(min=0.1, help="Frames a second of each.")] = 30.0,
    target_bitrate: Annotated[float, typer.Option(min=1.0, help="bit/s of all together.")] = 4e6,
    seconds: Annotated[float, typer.Option(min=1.0, help="After two that do not count.")] = 30.0,
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
) -> int:
    """Real nodes over DDS; exit status 0 if every frame became a packet, 1 if not."""
    job = {
        "cameras": count, "width": width, "height": height, "rate": rate, "seconds": seconds, "codec": codec,
        "target_bitrate": target_bitrate,
    }  # fmt: skip
    # Best-effort pictures of this size don't fit Fast DDS's own shared memory.
    (found,) = serve("camera_rig", [job], FASTDDS_DEFAULT_PROFILES_FILE=str(config_file("dds/large_images.xml")))
    if "error" in found:
        raise ResultsError(found["error"])
    command = f"embodiedcomp bench cameras --codec {codec} --count {count} --seconds {seconds:g}"
    path = codec_evidence.write(out, "cameras", command, {"run": found})
    missing = found["frames_published"] - found["packets_received"]
    show_table(
        f"{count} cameras {width}x{height} at {rate:g} Hz, {codec} inter",
        [
            ("frames published", str(found["frames_published"])),
            ("packets received", str(found["packets_received"])),
            ("dropped by the encoder", str(found["dropped_by_encoder"])),
            ("lost before or after it", str(missing - found["dropped_by_encoder"])),
            ("age of a packet", ", ".join(f"{q} {ms:.1f} ms" for q, ms in found["age_ms"].items())),
            ("cores used by the encoder", f"{found['encoder_cores']:.2f}"),
            ("bit/s", f"{found['achieved_bitrate']:.0f} of {target_bitrate:.0f}"),
            ("written to", str(path)),
        ],
    )
    return int(missing > 0)
