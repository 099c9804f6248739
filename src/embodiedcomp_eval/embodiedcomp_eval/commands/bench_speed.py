"""``embodiedcomp bench speed``: what the nodes add to the bare library's time a frame, in the same run, turn by turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from embodiedcomp_eval import codec_evidence
from embodiedcomp_eval.commands.console import complain, progress, show_table
from embodiedcomp_eval.commands.node_worker import serve
from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.ros_trial import environment, executable, reserved_domain

CODECS = ("png", "jpeg", "jpeg-bare", "webp", "avif", "jpegxl", "jpeg2000", "h264", "hevc", "av1", "vp9")
LEARNED = ("bmshj2018-hyperprior",)
"""At the smallest size alone: a tenth of a second a frame."""
SIZES = ((256, 256), (640, 480), (1280, 720))
TARGET_BPP = 0.1
STARTS = 5
WITHOUT_TORCH = (
    "import sys, time; began = time.perf_counter(); import {module}; "
    "print(time.perf_counter() - began, 'torch' in sys.modules)"
)


def register_bench(group: typer.Typer) -> None:
    """Add the bench."""
    group.command("speed")(speed)


def speed(
    codecs: Annotated[
        list[str] | None, typer.Argument(help="Codecs; default: all that are not learned, and one that is.")
    ] = None,
    frames: Annotated[int, typer.Option(min=10, help="Frames a row.")] = 40,
    out: Annotated[Path, typer.Option(help="Folder of the measurements.")] = codec_evidence.FOLDER,
) -> int:
    """Message to message through both nodes against the library alone; cost of a rate target; time to start."""
    chosen = codecs or [*CODECS, *LEARNED]
    unknown = [name for name in chosen if name not in (*CODECS, *LEARNED)]
    if unknown:
        raise ConfigError(f"codec {unknown[0]!r} is not timed here; choose from {', '.join((*CODECS, *LEARNED))}")
    sizes = [
        {"codec": name, "width": width, "height": height}
        for name in chosen
        for width, height in (SIZES[:1] if name in LEARNED else SIZES)
    ]
    jobs: list[dict[str, Any]] = [{"kind": "side_by_side", **size, "frames": frames, "warm_up": 5} for size in sizes]
    lossy = [size for size in sizes if size["codec"] not in ("png", *LEARNED)]
    jobs += [
        {"kind": "under_target", **size, "target_bpp": TARGET_BPP, "frames": frames, "warm_up": 5} for size in lossy
    ]
    with progress() as bar:
        row = bar.add_task("speed", total=len(jobs) + STARTS)
        answers = []
        for answer in serve("speed_worker", jobs):
            answers.append(answer)
            bar.update(row, advance=1, description=f"{answer['codec']} {answer['width']}x{answer['height']}")
        starts = []
        for _ in range(STARTS):
            starts.append(_start())
            bar.update(row, advance=1, description="node start")
    for answer in answers:
        if "error" in answer:
            complain(f"left out: {answer['codec']}: {answer['error']}")
    answers = [answer for answer in answers if "error" not in answer]
    content: dict[str, Any] = {
        "side_by_side": [a for a in answers if a["kind"] == "side_by_side"],
        "under_target": [a for a in answers if a["kind"] == "under_target"],
        "start_seconds": starts,
        "imports": {module: _import(module) for module in ("embodiedcomp_codec", "embodiedcomp_codec.nodes.encoder")},
    }
    path = codec_evidence.write(
        out, "speed", f"embodiedcomp bench speed{codec_evidence.named(codecs)} --frames {frames}", content
    )
    rows = [
        (f"{a['codec']} {a['width']}x{a['height']}",
         f"{a['node_ms']:.2f} ms, library {a['library_ms']:.2f} ms: {a['added_ms']:+.2f} ms, {a['added_ratio']:+.1%}"
         f"{'' if a['within'] else '  above the bound'}")
        for a in content["side_by_side"]
    ]  # fmt: skip
    rows.append(("node start", f"{statistics.median(starts):.2f} s"))
    show_table("both nodes, message to message, and the library alone", [*rows, ("written to", str(path))])
    return 0


def _start() -> float:
    """Seconds from starting an encoder's process until it says that it is ready."""
    with reserved_domain() as domain:
        began = time.perf_counter()
        process = subprocess.Popen(
            [executable("embodiedcomp_codec", "encoder"), "--ros-args", "-p", "codec:=h264"],
            env=environment(os.environ, domain),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None, "started with a pipe"
        try:
            for line in process.stderr:
                if line.rstrip().endswith("ready"):
                    return time.perf_counter() - began
        finally:
            process.terminate()
            process.communicate()
    raise ConfigError("the encoder ended before it was ready")


def _import(module: str) -> dict[str, Any]:
    """Seconds that importing takes in a fresh interpreter, and whether torch came with it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(module=module)], capture_output=True, text=True, check=True
    )
    seconds, torch = done.stdout.split()
    return {"seconds": float(seconds), "torch": json.loads(torch.lower())}
