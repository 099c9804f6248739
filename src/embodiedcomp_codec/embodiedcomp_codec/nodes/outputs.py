"""Where a camera's frames go: our packets, and beside them what viewers of other packages understand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rclpy.event_handler import PublisherEventCallbacks, QoSPublisherMatchedInfo
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from embodiedcomp_codec.codecs.pictures import picture_file
from embodiedcomp_codec.nodes.conversion import Source, bits_format, byte_array, plain_format
from embodiedcomp_codec.nodes.lifecycle import ParameterError
from embodiedcomp_codec.nodes.parameters import Parameter
from embodiedcomp_codec.nodes.qos import overridable
from embodiedcomp_codec.nodes.video_messages import VIDEO_MESSAGES, VideoMessage
from embodiedcomp_codec.packet import unpack
from embodiedcomp_codec.stream import SentFrame
from embodiedcomp_codec.video_bitstream import VideoFrame, VideoUnpacker

PLAIN = ("jpeg", "png")
PARAMETERS = (
    Parameter("plain", False, "publish whole files on <image>/compressed too (codecs jpeg and png)"),
    Parameter("also", [], "video messages of other packages beside our packets: ffmpeg, foxglove"),
)


class PlainOutput:
    """``<image>/compressed``: whole JPEG or PNG files of the full size, as any image_transport subscriber opens them."""

    def __init__(self, node: LifecycleNode, base: str, codec: str, qos: QoSProfile) -> None:
        if codec not in PLAIN:
            raise ParameterError(f"plain files are of the codecs {' and '.join(PLAIN)}, not of {codec}")
        self._codec = codec
        self.publisher = node.create_lifecycle_publisher(CompressedImage, f"{base}/compressed", **overridable(qos))

    def publish(self, header: Header, source: Source, sent: SentFrame) -> None:
        """The file of this frame: the very bitstream of the packet, where that is a full-size file already."""
        codec = "png" if source.depth else self._codec
        grey = source.encoding == "mono8"
        if source.depth or grey or sent.downsample != 8:
            data = picture_file(source.pixels, codec, sent.quality, grey)
        else:
            _, data = unpack(sent.packet, 1 << 32)
        message = CompressedImage(header=header, format=plain_format(source.encoding, codec))
        message.data = byte_array(data)
        self.publisher.publish(message)


class VideoOutput:
    """``<image>/ffmpeg`` or ``<image>/foxglove``: the packet's own bitstream in another package's message."""

    def __init__(
        self, node: LifecycleNode, base: str, transport: str, codec: str, qos: QoSProfile, joined: Callable[[], None]
    ) -> None:
        self._kind: VideoMessage = VIDEO_MESSAGES[transport]
        self._type = self._kind.load(codec)
        self._codec = self._kind.codecs[codec]
        self._number = 0
        self.publisher = node.create_lifecycle_publisher(
            self._type,
            f"{base}/{transport}",
            event_callbacks=on_joined(joined),
            **overridable(qos),
        )

    def publish(self, header: Header, encoding: str, frame: VideoFrame) -> None:
        """The next frame of the stream."""
        message = self._type()
        self._kind.fill(message, header, encoding, self._codec, frame, self._number)
        self._number += 1
        self.publisher.publish(message)


class Outputs:
    """All publishers of one camera.

    ``joined`` is called when somebody new listens who can't ask for a key frame; with ``every_join``, when anybody does.
    """

    def __init__(
        self,
        node: LifecycleNode,
        base: str,
        codec: str,
        plain: bool,
        also: Sequence[str],
        qos: QoSProfile,
        joined: Callable[[], None],
        every_join: bool,
    ) -> None:
        unknown = [name for name in also if name not in VIDEO_MESSAGES]
        if unknown:
            raise ParameterError(f"parameter also holds '{unknown[0]}'; choose from: {', '.join(VIDEO_MESSAGES)}")
        self._unpacker = VideoUnpacker()
        self._plain = PlainOutput(node, base, codec, qos) if plain else None
        self._videos = [VideoOutput(node, base, transport, codec, qos, joined) for transport in also]
        self.bits = node.create_lifecycle_publisher(
            CompressedImage,
            f"{base}/embodiedcomp",
            event_callbacks=on_joined(joined) if every_join else None,
            **overridable(qos),
        )

    def wanted(self) -> bool:
        """Whether anybody listens to any of them."""
        others = [video.publisher for video in self._videos] + ([self._plain.publisher] if self._plain else [])
        return any(publisher.get_subscription_count() for publisher in (self.bits, *others))

    def publish(self, header: Header, source: Source, sent: SentFrame, codec: str) -> None:
        """Send one frame everywhere. ``codec`` is what coded it: depth goes another way than colour."""
        bits = CompressedImage(header=header, format=bits_format(source.encoding, codec))
        bits.data = byte_array(sent.packet)
        self.bits.publish(bits)
        if self._plain is not None and self._plain.publisher.get_subscription_count():
            self._plain.publish(header, source, sent)
        if self._videos and not source.depth:
            frame = self._unpacker.frame(sent.packet)
            for video in self._videos:
                if video.publisher.get_subscription_count():
                    video.publish(header, source.encoding, frame)


def on_joined(joined: Callable[[], None]) -> PublisherEventCallbacks:
    """Event callbacks that call ``joined`` for every new subscriber."""

    def matched(event: QoSPublisherMatchedInfo) -> None:
        if event.current_count_change > 0:
            joined()

    return PublisherEventCallbacks(matched=matched)
