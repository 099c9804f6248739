"""What lies between the encoder and the decoder of one camera, in process: the link node's model at its message's size."""

from __future__ import annotations

from embodiedcomp_codec.link_model import Link, LinkConfig
from embodiedcomp_eval.wire import cdr_size


class Channel:
    """A link that carries packets as ``CompressedImage`` messages."""

    def __init__(self, config: LinkConfig, frame_id: str, image_format: str) -> None:
        self._config, self._frame_id, self._format = config, frame_id, image_format
        self._link = Link(config)

    def reset(self, seed: int) -> None:
        """An empty link whose losses follow from the episode's seed."""
        self._link.reset(self._config.seed + seed)

    def send(self, payload: int, stamp_ns: int) -> int | None:
        """Arrival time (ns) of a packet of ``payload`` bytes that enters at ``stamp_ns``; None if it is lost."""
        return self._link.offer(stamp_ns, cdr_size(self._frame_id, self._format, payload))
