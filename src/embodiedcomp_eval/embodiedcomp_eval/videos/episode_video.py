"""Writes what the policy saw in an in-process trial: the decoded views side by side, one MP4 per episode."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.subscriber import FrameReceived, Subscriber

Image = npt.NDArray[np.uint8]


class EpisodeVideo(Subscriber):
    """``folder/seed-SEED.mp4`` (H.264), the cameras from left to right; a lost frame shows its camera's last picture."""

    def __init__(self, folder: Path, cameras: Sequence[str], width: int, height: int, rate: float) -> None:
        """width, height: px of every view. rate: frames a second of simulated time."""
        self._folder, self._cameras, self._rate = folder, tuple(cameras), Fraction(rate).limit_denominator(1000)
        self._black: Image = np.zeros((height, width, 3), dtype=np.uint8)
        self._container: Any = None

    def reset(self, seed: int, scene: dict[str, Any], positions: npt.NDArray[np.float64], height: float) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._folder / f"seed-{seed}.mp4"), "w")
        self._views = dict.fromkeys(self._cameras, self._black)
        self._arrived: set[str] = set()
        rows, columns = self._picture().shape[:2]
        self._stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": "18"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = columns, rows, "yuv420p"

    def received(self, event: FrameReceived) -> None:
        if event.image is not None:
            self._views[event.camera] = event.image
        self._arrived.add(event.camera)
        if len(self._arrived) == len(self._cameras):
            self._arrived.clear()
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(self._picture(), format="rgb24")))

    def close(self) -> None:
        """End the episode's file, if one was begun."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._container = None

    def _picture(self) -> Image:
        """All views in a row, its sides made even: 4:2:0 has half as many pixels of colour."""
        row = np.concatenate([self._views[camera] for camera in self._cameras], axis=1)
        padded: Image = np.pad(row, ((0, row.shape[0] % 2), (0, row.shape[1] % 2), (0, 0)), mode="edge")
        return padded
