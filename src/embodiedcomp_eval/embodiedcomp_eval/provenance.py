"""What ran: versions of everything that can change a pixel, a packet or an action."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import embodiedcomp_policy
from embodiedcomp_eval.ledger import weight_hashes

PACKAGES = (
    "embodiedcomp-eval", "embodiedcomp-codec", "embodiedcomp-policy", "numpy", "mujoco", "robosuite", "av", "imagecodecs",
    "pillow", "torch", "compressai", "ros-rclpy", "ros-rmw-fastrtps-cpp",
)  # fmt: skip

SHIPPED_WEIGHTS = Path(embodiedcomp_policy.__file__).parent / "weights"


def provenance(checkpoint: str | None = None) -> dict[str, Any]:
    """Versions of interpreter and packages (those installed), the machine, and the hash of every weight file that may act.

    checkpoint: file or folder; without one, the weights that ship with the policies.
    """
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
    facts["weights_sha256"] = weight_hashes([SHIPPED_WEIGHTS] if checkpoint is None else [Path(checkpoint)])
    return facts
