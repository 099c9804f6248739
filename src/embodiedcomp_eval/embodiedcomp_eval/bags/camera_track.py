"""One camera of a bag as it is replayed: its decoder, its place in time, a lane per setting, and what is counted."""

from __future__ import annotations

import math
from typing import Any

from embodiedcomp_eval.bags.images import Source, make_decoder
from embodiedcomp_eval.bags.recode import Lane, Setting, number

JUMP_NS = 500_000_000
"""A stamp that is not newer than the last is a clock jump if it is this much behind the time that passed, else disorder."""


class CameraTrack:
    """Frames come in the order of recording; ``place`` says what each stamp means."""

    def __init__(self, source: Source, settings: tuple[Setting, ...], similarity: bool) -> None:
        """similarity: the lanes also compute MS-SSIM."""
        self.source = source
        self.decoder = make_decoder(source)
        self.lanes = {s.label: Lane(s.stream, similarity) for s in settings}
        self.frames = self.bytes = self.pixels = self.skipped = self.disordered = self.segment = self.zeros = 0
        self.span_ns, self.intervals = 0, 0
        self.last_ns: int | None = None
        self.last_log_ns = 0
        self.problem = ""

    @property
    def duration(self) -> float:
        """s of stamp time, the last frame's own included."""
        return self.span_ns * 1e-9 * (self.intervals + 1 + self.segment) / self.intervals if self.intervals else 0.0

    def place(self, stamp_ns: int, log_ns: int) -> str:
        """Where a frame stands after the last one: "next", "jump" (the clock started again) or "disorder"."""
        if self.last_ns is None:
            kind = "next"
        elif stamp_ns > self.last_ns:
            kind = "next"
            self.span_ns += stamp_ns - self.last_ns
            self.intervals += 1
        elif (log_ns - self.last_log_ns) - (stamp_ns - self.last_ns) > JUMP_NS:
            kind = "jump"
            self.segment += 1
        else:
            return "disorder"
        self.last_ns, self.last_log_ns = stamp_ns, log_ns
        return kind

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
            "duration": self.duration,
            "clock_jumps": self.segment,
            "frames_out_of_order": self.disordered,
            "frames_skipped": self.skipped,
            "skipped_because": self.problem,
        }
