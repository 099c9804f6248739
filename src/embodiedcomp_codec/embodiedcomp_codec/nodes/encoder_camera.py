"""One camera of the encoder node: where its pictures come from, what is made of them, where they go, and the counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage, Image

from embodiedcomp_codec.codecs.pictures import resize
from embodiedcomp_codec.depth import DepthStream
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.key_clock import KeyClock
from embodiedcomp_codec.nodes.conversion import Source, read_source, stamp_to_ns
from embodiedcomp_codec.nodes.intake import SUFFIX, CalibrationRelay, Intake
from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.nodes.outputs import Outputs
from embodiedcomp_codec.nodes.qos import request_qos, stream_qos
from embodiedcomp_codec.stamp_clock import StampClock
from embodiedcomp_codec.statistics import RateMeter, Tally
from embodiedcomp_codec.stream import SentFrame
from embodiedcomp_codec.view import View, nearest
from embodiedcomp_msgs.msg import KeyFrameRequest

ERROR_PERIOD = 5.0
"""s between errors about one camera's frames, at least."""

Message: TypeAlias = Image | CompressedImage


class Camera:
    """``values``: the node's parameters. Whoever touches it holds ``lock``, but for ``want_key``, and ``counts`` for ``tally``.

    ``counts`` is never held for long: diagnostics don't wait until a slow picture is coded.
    """

    def __init__(
        self,
        node: LifecycleNode,
        image: str,
        index: int,
        group: EncoderGroup,
        view: View,
        values: Mapping[str, Any],
        on_image: Callable[[Camera, Message], None],
        on_key_request: Callable[[Camera, KeyFrameRequest], None],
    ) -> None:
        self._group, self._index, self._view = group, index, view
        self.lock, self.counts = threading.Lock(), threading.Lock()
        self.tally = Tally()
        self._max_pixels: int = values["max_pixels"]
        self.stream = group.streams[index]
        self._depth = DepthStream(values["budget_window"])
        self._keys = KeyClock(values["key_period"])
        live = self._live = values["reliability"] != "reliable"
        qos = stream_qos(values["reliability"])
        if values["plain"] and (values["transport"] == "compressed" or image.endswith(SUFFIX)):
            raise ParameterError(f"parameter plain publishes <image>{SUFFIX}, which is this encoder's input")
        self.intake = Intake(
            node, image, values["transport"], qos, values["plain"], lambda message: on_image(self, message)
        )
        self.topic = self.intake.base
        self.outputs = Outputs(
            node, self.topic, values["codec"], values["plain"], values["also"], qos, self.want_key, every_join=live
        )
        if not view.whole:
            CalibrationRelay(node, self.topic, view, qos)
        node.create_subscription(
            KeyFrameRequest,
            f"{self.topic}/embodiedcomp/key_request",
            lambda message: on_key_request(self, message),
            request_qos(values["reliability"]),
        )
        self.clear()

    def clear(self) -> None:
        """Forget rates, counts and what was coded last."""
        self.codec, self.mode = self.stream.config.codec, self.stream.mode
        self.meter = RateMeter(self.stream.config.budget_window)
        self.take_tally()
        self._clock = StampClock()
        self.time_ns = 0
        """The stream's time of the last picture that was read."""
        self.achieved = 0.0
        self._depth.reset()
        self._keys.reset()
        self._wanted = self._depth_last = False
        self._failing, self._told = False, -ERROR_PERIOD

    def want_key(self) -> None:
        """Any thread, without waiting: somebody new listens, or lost a frame, and needs a key frame next."""
        self._wanted = True

    def encode(self, message: Message) -> tuple[Source, SentFrame]:
        """Read, crop, resize and code one picture. Raises ValueError: MessageError, ViewError or CodecError."""
        source = self._seen(read_source(message, self._max_pixels))
        stamp_ns = stamp_to_ns(message.header.stamp)
        if self._live:  # in lockstep nothing but stamps is time
            stamp_ns = self._clock.time(stamp_ns, time.monotonic_ns())
        self.time_ns = stamp_ns
        if source.depth:
            sent = self._depth.encode(source.pixels, stamp_ns, self.stream.target)
            self.codec, self.mode = self._depth.codec, "intra"
        else:
            # A decoder that was just shown depth has no reference for anything else.
            if self._wanted or self._depth_last or self._keys.due(stamp_ns):
                self._wanted = False
                self.stream.request_key()
            sent = self._group.encode(self._index, source.pixels, stamp_ns)
            self._keys.sent(stamp_ns, sent.key)
            self.codec, self.mode = self.stream.config.codec, self.stream.mode
        self._depth_last = source.depth
        self._failing = False
        return source, sent

    def failed(self) -> bool:
        """Count a picture that could not be coded; True if that should be said: once, until one can be again."""
        with self.counts:
            self.tally.corrupt += 1
        now = time.monotonic()
        tell = not self._failing and now - self._told >= ERROR_PERIOD
        self._failing = True
        if tell:
            self._told = now
        return tell

    def take_tally(self) -> Tally:
        """The counts since the last call; any thread."""
        with self.counts:
            taken, self.tally = self.tally, Tally()
        return taken

    @property
    def target_bitrate(self) -> float:
        """The target in force in bit/s; NaN if there is none."""
        return self._depth.bitrate(self.stream.target) if self._depth_last else self.stream.target_bitrate

    @property
    def note(self) -> str:
        """What diagnostics should say beside the state."""
        if not self._depth_last:
            return ""
        return f"depth, coded without loss by {self._depth.codec} instead of {self.stream.config.codec}"

    def _seen(self, source: Source) -> Source:
        if self._view.whole:
            return source
        pixels = self._view.cut(source.pixels)
        if self._view.resize is not None:
            pixels = (nearest if source.depth else resize)(pixels, self._view.resize)
        return Source(np.ascontiguousarray(pixels), source.encoding)
