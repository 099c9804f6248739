"""Sends very many frames through both codec nodes in one process and watches what it holds.

``python -m embodiedcomp_eval.nodes.memory_worker``; jobs as JSON lines on stdin, results on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from embodiedcomp_codec.sequences import panning
from embodiedcomp_eval.nodes.codec_path import CodecPath, image_message

SAMPLES = 100
FILM = 40


def memory(codec: str, width: int, height: int, frames: int, target_bpp: float) -> dict[str, Any]:
    """Resident MiB after every hundredth part of ``frames``; every 5000th frame a key frame is asked for."""
    there = panning(FILM, height, width)
    messages = [image_message(frame, 0) for frame in [*there, *there[-2:0:-1]]]
    counts, held = [], []
    began = time.monotonic()
    with CodecPath([f"codec:={codec}", f"target_bpp:={target_bpp}"]) as path:
        for number in range(1, frames + 1):
            message = messages[number % len(messages)]
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(number * 100_000_000, 1_000_000_000)
            if number % 5000 == 0:
                path.request_key()
            path.decode(path.encode(message))
            if number % max(frames // SAMPLES, 1) == 0:
                counts.append(number)
                held.append(resident_mebibytes())
    return {
        "codec": codec,
        "width": width,
        "height": height,
        "target_bpp": target_bpp,
        "frames": counts,
        "mebibytes": held,
        "seconds": time.monotonic() - began,
    }


def resident_mebibytes() -> float:
    """What this process holds in memory."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status says nothing of VmRSS")


def main() -> None:
    """Serve jobs until stdin ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(memory(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
