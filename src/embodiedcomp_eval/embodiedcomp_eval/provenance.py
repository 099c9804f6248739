"""What ran: versions of everything that can change a pixel, a packet or an action."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import embodiedcomp_policy
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_eval.ledger import weight_hashes

PACKAGES = (
    "embodiedcomp-eval", "embodiedcomp-codec", "embodiedcomp-policy", "numpy", "mujoco", "robosuite", "av", "imagecodecs",
    "pillow", "torch", "compressai", "ros-rclpy", "ros-rmw-fastrtps-cpp",
)  # fmt: skip

SHIPPED_WEIGHTS = Path(embodiedcomp_policy.__file__).parent / "weights"


def provenance(checkpoint: str | None = None, codec: str | None = None) -> dict[str, Any]:
    """Versions of interpreter and packages (those installed), machine, commit, hash of every weight file that may act.

    checkpoint: file or folder; without one, the weights that ship with the policies. codec: of a learned one, also whose
    weights it finds on this machine (named, published, shipped) and their hashes; this imports torch.
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
        "processor": processor(),
        "renderer": os.environ.get("MUJOCO_GL", "unknown"),
        "packages": versions,
    }
    facts["commit"] = commit()
    facts["weights_sha256"] = weight_hashes([SHIPPED_WEIGHTS] if checkpoint is None else [Path(checkpoint)])
    weights = getattr(get_codec(codec), "weights", None) if codec else None
    if weights is not None and hasattr(weights, "identity"):
        facts["codec_weights"] = {"origin": weights.origin, "sha256": weights.identity}
    return facts


def processor(cpuinfo: str | None = None) -> str:
    """The processor's name and the widest vectors it has: sums of floats depend on both (docs/rendering.md).

    cpuinfo: the text of ``/proc/cpuinfo``; by default this machine's. Where there is none: what Python knows.
    """
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return platform.processor() or "unknown"
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in cpuinfo.splitlines())}
    flags = (values.get("flags") or values.get("Features") or "").split()
    widest = next((name for name in ("avx512f", "avx2", "avx", "sve", "asimd") if name in flags), "")
    family = " ".join(f"{key} {values[key]}" for key in ("cpu family", "model") if key in values)
    return ", ".join(filter(None, (values.get("model name") or platform.machine(), family, widest)))


def commit(*own: Path) -> str:
    """Hash of the checkout's commit, ``-dirty`` where files differ from it; ``unknown`` outside a checkout.

    own: files and folders that the measurement itself writes, whose last version says nothing about this one.
    """
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "LC_ALL": "C"}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=here, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        head, top = git("rev-parse", "HEAD"), Path(git("rev-parse", "--show-toplevel"))
        inside = [path.resolve() for path in own if path.resolve().is_relative_to(top)]
        others = [":(top)", *(f":(top,exclude){path.relative_to(top)}" for path in inside)]
        return head + ("-dirty" if git("status", "--porcelain", "--untracked-files=no", "--", *others) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
