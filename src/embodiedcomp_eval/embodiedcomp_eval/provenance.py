"""What ran: versions of everything that can change a pixel, a packet or an action."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "embodiedcomp-eval", "embodiedcomp-codec", "embodiedcomp-policy", "numpy", "mujoco", "robosuite", "av", "imagecodecs",
    "pillow", "torch", "compressai", "ros-rclpy", "ros-rmw-fastrtps-cpp",
)  # fmt: skip


def provenance(checkpoint: str | None = None) -> dict[str, Any]:
    """Versions of interpreter and packages (those installed), the machine, and the checkpoint's hash if it is a file."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": f"{sys.platform} {platform.machine()}",
        "packages": versions,
    }
    if checkpoint is not None and Path(checkpoint).is_file():
        facts["checkpoint_sha256"] = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    return facts
