"""One camera of a bag as it is replayed: its decoder, its place in time, a lane per setting, and what is counted."""

from __future__ import annotations

import math
from typing import Any

from embodiedcomp_eval.bags.images import Source, make_decoder
from embodiedcomp_eval.bags.recode import Lane, Setting, number
from embodiedcomp_eval.bags.stamp_clock import StampClock


class CameraTrack:
    """Frames come in the order of recording; ``clock`` says what each stamp means."""

    def __init__(self, source: Source, settings: tuple[Setting, ...], similarity: bool) -> None:
        """similarity: the lanes also compute MS-SSIM."""
        self.source = source
        self.decoder = make_decoder(source)
        self.lanes = {s.label: Lane(s.stream, similarity) for s in settings}
        self.frames = self.bytes = self.pixels = self.skipped = self.disordered = self.zeros = 0
        self.clock = StampClock()
        self.problem = ""

    def skip(self, reason: str) -> None:
        """A message that gave no frame."""
        self.skipped += 1
        self.problem = self.problem or reason

    def totals(self) -> dict[str, Any]:
        """What was recorded, JSON-able."""
        return {
            "topic": self.source.topic,
            "type": self.source.msgtype,
            "frames": self.frames,
            "recorded_bytes": self.bytes,
            "recorded_bpp": number(8 * self.bytes / self.pixels if self.pixels else math.nan),
            "duration": self.clock.duration,
            "clock_jumps": self.clock.jumps,
            "frames_out_of_order": self.disordered,
            "frames_skipped": self.skipped,
            "skipped_because": self.problem,
        }
