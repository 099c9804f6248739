"""What the robot's clock says now, as another host can know it: by the stamps of what it hears. Pure."""

from __future__ import annotations

WINDOW_NS = 10_000_000_000
"""How long a message's word on the clock counts at least: clocks drift apart, and are set."""
JUMP_NS = 1_000_000_000
"""A stamp further back than this is no late message: the clock itself has gone back."""


class RobotClock:
    """Two hosts' clocks may differ by any amount, so stamps are never compared with this host's own.

    A message stamped s that came d ago says that the robot's clock shows at least s + d, and the most that any recent one says
    is behind the true time by its way across the link: whatever looks too old by this clock is too old.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._newest_ns: int | None = None
        self._offsets: tuple[int, int] = (0, 0)  # robot's less local, ns: the most in this window, in the one before
        self._since_ns = 0

    def hear(self, stamp_ns: int, local_ns: int) -> None:
        """A message of that stamp came at ``local_ns`` of this host's clock."""
        offset = stamp_ns - local_ns
        if self._newest_ns is None or stamp_ns < self._newest_ns - JUMP_NS or local_ns < self._since_ns:
            self._offsets, self._since_ns, self._newest_ns = (offset, offset), local_ns, stamp_ns
            return
        self._newest_ns = max(self._newest_ns, stamp_ns)
        if local_ns - self._since_ns > WINDOW_NS:
            self._offsets, self._since_ns = (offset, self._offsets[0]), local_ns
        self._offsets = (max(self._offsets[0], offset), self._offsets[1])

    def now(self, local_ns: int) -> int | None:
        """ns; None before anything was heard."""
        return None if self._newest_ns is None else local_ns + max(self._offsets)
