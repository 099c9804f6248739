"""Pictures of an episode, kept for the report: ``SEED/CAMERA.STEP.KIND.webp`` in a point's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.subscriber import FrameReceived, FrameSent, Subscriber

Kind = Literal["decoded", "source"]


@dataclass(frozen=True)
class SavedFrame:
    """One picture on disk. step: control steps done when it was taken."""

    path: Path
    seed: int
    camera: str
    step: int
    kind: Kind


class FrameSaver(Subscriber):
    """Collects the frames sent and decoded in one episode, as files in memory: ``files`` maps names to contents."""

    def __init__(self, period_ns: int, encode: Callable[[npt.NDArray[np.uint8]], bytes]) -> None:
        """period_ns: of one control step. encode: makes a WebP file of a picture ``(H, W, 3) uint8``."""
        self._period_ns, self._encode = period_ns, encode
        self._seed = 0
        self.files: dict[str, bytes] = {}

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        """Forget the last episode's."""
        self._seed = seed
        self.files = {}

    def sent(self, event: FrameSent) -> None:
        if event.image is not None:
            self._keep(event.camera, event.stamp_ns, "source", event.image)

    def received(self, event: FrameReceived) -> None:
        if event.image is not None:
            self._keep(event.camera, event.stamp_ns, "decoded", event.image)

    def _keep(self, camera: str, stamp_ns: int, kind: Kind, image: npt.NDArray[np.uint8]) -> None:
        self.files[f"{self._seed}/{camera}.{stamp_ns // self._period_ns:04d}.{kind}.webp"] = self._encode(image)


def list_frames(folder: Path) -> list[SavedFrame]:
    """All pictures in a point's folder, by seed, camera, step and kind; other files are ignored."""
    found = []
    for path in sorted(folder.glob("*/*.*.*.webp")):
        camera, step, kind, _ = path.name.rsplit(".", 3)
        if path.parent.name.isdigit() and step.isdigit() and kind in ("decoded", "source"):
            found.append(SavedFrame(path, int(path.parent.name), camera, int(step), kind))  # type: ignore[arg-type]
    return found
