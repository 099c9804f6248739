"""A thin link as arithmetic: rate, queue, delay, jitter and loss; given the same seed and packets, always the same fate."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from embodiedcomp_codec.codec import CodecError


@dataclass(frozen=True)
class LinkConfig:
    """rate: bit/s (inf: unlimited). queue: bytes that may wait for it. delay: s. jitter: s, uniform, never reordering.

    loss: probability that a packet vanishes. seed: of loss and jitter.
    """

    rate: float = math.inf
    queue: int = 65536
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    seed: int = 0

    def validate(self) -> None:
        """Raise CodecError with one line on anything impossible."""
        for name, value, valid in (
            ("rate", self.rate, self.rate > 0),
            ("queue", self.queue, self.queue >= 1),
            ("delay", self.delay, 0 <= self.delay < math.inf),
            ("jitter", self.jitter, 0 <= self.jitter < math.inf),
            ("loss", self.loss, 0 <= self.loss <= 1),
        ):
            if not valid:
                choices = {"rate": "above 0", "queue": "1 or more", "loss": "0 to 1"}.get(name, "0 or more, finite")
                raise CodecError(f"link {name} {value:g} is impossible; choose {choices}")


class Link:
    """Decides each packet's arrival."""

    def __init__(self, config: LinkConfig) -> None:
        config.validate()
        self._config = config
        self.reset(config.seed)

    def reset(self, seed: int) -> None:
        """Return to an empty link with this seed."""
        self._random = random.Random(seed)
        self._free_ns = self._last_ns = -(1 << 62)

    def offer(self, now_ns: int, size: int) -> int | None:
        """Arrival time, ns, of a packet of ``size`` bytes offered at ``now_ns``; None if it is lost or finds no room."""
        config = self._config
        # Drawn always, so that one packet's fate never shifts another's.
        lost, wander = self._random.random() < config.loss, self._random.random()
        start = max(now_ns, self._free_ns)
        if (start - now_ns) * 1e-9 * config.rate / 8 + size > config.queue and math.isfinite(config.rate):
            return None
        self._free_ns = start + round(8e9 * size / config.rate)
        if lost:
            return None
        arrival = self._free_ns + round(1e9 * (config.delay + config.jitter * wander))
        self._last_ns = max(self._last_ns, arrival)
        return self._last_ns
