"""The codec nodes' own path from an image message to bits and back, in this process, without anything being sent."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import rclpy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

SECOND = 1_000_000_000


class Catcher:
    """In a publisher's place: keeps the last message."""

    def __init__(self, topic: str) -> None:
        self.topic_name = self.topic = topic
        self.last: Any = None

    def publish(self, message: Any) -> None:
        """Keep it."""
        self.last = message

    def get_subscription_count(self) -> int:
        """Somebody listens."""
        return 1


class CodecPath:
    """A real encoder and a real decoder node whose outputs are caught. A context manager; one at a time in a process."""

    def __init__(self, parameters: Sequence[str]) -> None:
        """parameters: ``name:=value`` of the encoder."""
        arguments = [argument for parameter in parameters for argument in ("-p", parameter)]
        rclpy.init(args=["--ros-args", *arguments, "-p", "reliability:=reliable"])
        from embodiedcomp_codec.nodes.decoder import DecoderNode
        from embodiedcomp_codec.nodes.encoder import EncoderNode

        self._encoder, self._decoder = EncoderNode(), DecoderNode()
        self._nodes = (self._encoder, self._decoder)
        for node in self._nodes:
            node.trigger_configure()
            if node.failure is not None:
                self.close()
                raise node.failure
            node.trigger_activate()
        self._in, self._out = self._encoder.cameras[0], self._decoder.cameras[0]
        self._bits, self._picture = Catcher("bits"), Catcher("decoded")
        self._in.outputs.bits, self._out.decoded = self._bits, self._picture

    def __enter__(self) -> CodecPath:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End both nodes."""
        for node in self._nodes:
            node.running = False
            node.release()
            node.destroy_node()
        rclpy.try_shutdown()

    def encode(self, message: ImageMessage) -> CompressedImage:
        """What the encoder's thread does with a message."""
        self._encoder.encode(self._in, message)
        return self._bits.last

    def request_key(self) -> None:
        """Make the next frame a key frame."""
        self._in.stream.request_key()

    def decode(self, message: CompressedImage) -> ImageMessage:
        """What the decoder does with a message. Raises RuntimeError if it gave no picture."""
        self._picture.last = None
        self._decoder.on_bits(self._out, message)
        if self._picture.last is None:
            raise RuntimeError("the decoder gave no picture")
        return self._picture.last


def image_message(frame: npt.NDArray[np.uint8], stamp_ns: int, encoding: str = "rgb8") -> ImageMessage:
    """A camera driver's message of a frame ``(H, W, 3) uint8``."""
    from embodiedcomp_codec.nodes.conversion import frame_to_image

    message = frame_to_image(frame, encoding)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, SECOND)
    message.header.frame_id = "camera"
    return message
