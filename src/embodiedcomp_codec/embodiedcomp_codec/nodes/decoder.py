"""The decoder node: packets in, images out, and requests for a key frame when a reference is missing."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.nodes import bundle_input
from embodiedcomp_codec.nodes.bundle_input import BundleInput
from embodiedcomp_codec.nodes.clocks import age_seconds
from embodiedcomp_codec.nodes.conversion import frame_to_image, source_encoding, stamp_to_ns
from embodiedcomp_codec.nodes.lifecycle import LOCKSTEP_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_codec.nodes.messages import decoder_status, received_stats
from embodiedcomp_codec.nodes.parameters import Parameter, declare
from embodiedcomp_codec.nodes.qos import RELIABILITY, overridable, request_qos, stream_qos
from embodiedcomp_codec.nodes.topics import image_topics
from embodiedcomp_codec.statistics import RateMeter, Tally
from embodiedcomp_codec.stream import DecoderStream, ReceivedFrame
from embodiedcomp_codec.weights import use_weights
from embodiedcomp_msgs.msg import CodecStats, FrameLost, KeyFrameRequest
from embodiedcomp_msgs.srv import ResetEpisode

PARAMETERS = (
    Parameter("max_pixels", 4096 * 2304, "largest frame that is decoded", "pixels", 1, 1 << 31),
    Parameter("images", [], "image topics of several cameras; not set: the one topic `image`"),
    Parameter("weights", "", "file or folder with a learned codec's weights; empty: as the environment says"),
    *bundle_input.PARAMETERS,
    RELIABILITY,
)
REQUEST_PERIOD = 0.5
"""s between key frame requests, at least."""
WARNING_PERIOD = 5.0


class Camera:
    """One bits topic, or one camera of a bundle: its stream, publishers and counts."""

    def __init__(self, node: DecoderNode, image: str, values: dict[str, Any]) -> None:
        reliability = values["reliability"]
        self.topic = node.resolve_topic_name(image)
        self.stream = DecoderStream(values["max_pixels"])
        qos = stream_qos(reliability)
        bits = f"{self.topic}/embodiedcomp"
        self.decoded = node.create_lifecycle_publisher(Image, f"{self.topic}/decoded", **overridable(qos))
        self.requests = node.create_publisher(KeyFrameRequest, f"{bits}/key_request", request_qos(reliability))
        self.requested = -REQUEST_PERIOD
        self.last_sequence = 0
        self.clear()
        if not values["bundle"]:
            node.create_subscription(
                CompressedImage,
                bits,
                lambda message: node.on_bits(self, message),
                **overridable(qos),
            )

    def clear(self) -> None:
        """Return to the state after construction."""
        self.stream.reset()
        self.meter = RateMeter(1.0)
        self.tally = Tally()
        self.lost = 0
        self.achieved = 0.0


class DecoderNode(AutostartNode):
    """Decodes on the executor's thread: packets of a stream must go through in order anyway."""

    errors = (ParameterError, CodecError)

    def __init__(self) -> None:
        super().__init__("decoder")
        self._bundle: BundleInput | None = None

    def prepare(self) -> None:
        """Read parameters; build streams, topics and services."""
        values = declare(self, PARAMETERS)
        if values["weights"]:
            use_weights(values["weights"])
        self._reliable = values["reliability"] == "reliable"
        self._episode = 0
        self._stats = self.create_lifecycle_publisher(CodecStats, "~/stats", stream_qos(values["reliability"]))
        self._diagnostics = self.create_lifecycle_publisher(DiagnosticArray, "/diagnostics", 10)
        self._lost = self.create_publisher(FrameLost, "frame_lost", LOCKSTEP_QOS)
        images = image_topics(values["images"] or ["image"], self.resolve_topic_name)
        self.cameras = [Camera(self, image, values) for image in images]
        self._bundle = (
            BundleInput(
                self,
                [camera.topic for camera in self.cameras],
                values["reliability"],
                lambda index, message: self.on_bits(self.cameras[index], message),
                self._on_lost_bundle,
            )
            if values["bundle"]
            else None
        )
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        self.create_timer(1.0, self._on_second)

    def on_bits(self, camera: Camera, message: CompressedImage) -> None:
        """Decode one packet: publish its picture, or say what is missing."""
        if not self.running:
            return
        started = time.perf_counter()
        received = camera.stream.decode(bytes(message.data))
        if received.image is not None:
            image = frame_to_image(received.image, source_encoding(message.format))
            image.header = message.header
            camera.decoded.publish(image)
            camera.last_sequence = received.sequence
            self._report(camera, message, received, time.perf_counter() - started)
            return
        camera.lost += 1
        camera.tally.corrupt += 1
        self.get_logger().warning(f"{camera.topic}: {received.reason}", throttle_duration_sec=WARNING_PERIOD)
        if received.need_key:
            self._request_key(camera, message, received.reason)
        if self._reliable and not (received.need_key and camera.requests.get_subscription_count()):
            # Nobody must wait for a picture that won't come. Where an encoder was asked for a key frame, it says so itself,
            # so that the loop goes on, and the next frame comes, only once it knows.
            self._lost.publish(FrameLost(header=message.header, episode=self._episode, topic=camera.topic))

    def _on_lost_bundle(self, reason: str) -> None:
        """A bundle that gave no packets."""
        if not self.running:
            return
        for camera in self.cameras:
            camera.lost += 1
            camera.tally.corrupt += 1
        self.get_logger().warning(f"bundle: {reason}", throttle_duration_sec=WARNING_PERIOD)

    def _request_key(self, camera: Camera, message: CompressedImage, reason: str) -> None:
        now = time.monotonic()
        if now - camera.requested < REQUEST_PERIOD and not self._reliable:
            return
        camera.requested = now
        request = KeyFrameRequest(last_sequence=camera.last_sequence, reason=reason.split(":", maxsplit=1)[0])
        request.header.frame_id = message.header.frame_id
        # In lockstep time stands still on the way: now is the stamp of the frame that gave no picture.
        request.header.stamp = message.header.stamp if self._reliable else self.get_clock().now().to_msg()
        camera.requests.publish(request)

    def _report(self, camera: Camera, message: CompressedImage, received: ReceivedFrame, seconds: float) -> None:
        info = camera.stream.info
        assert info is not None and received.image is not None, "a picture has a key frame before it"
        stamp_ns = stamp_to_ns(message.header.stamp)
        camera.achieved = camera.meter.add(stamp_ns, len(message.data))
        camera.tally.add(seconds, received.key)
        if not self._stats.get_subscription_count():
            return
        stats = received_stats(message.header, camera.topic, info, received, len(message.data))
        stats.dropped_frames, stats.achieved_bitrate = camera.lost, camera.achieved
        stats.processing_seconds, stats.age_seconds = seconds, age_seconds(self, stamp_ns, self._reliable)
        self._stats.publish(stats)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once everything has a reader: then no picture of step 0 can be lost."""
        unheard = [camera.topic for camera in self.cameras if camera.decoded.get_subscription_count() == 0]
        if unheard and self._reliable:
            response.message = f"nobody subscribes the pictures of {', '.join(unheard)} yet"
            return response
        self._episode = request.episode
        for camera in self.cameras:
            camera.clear()
        if self._bundle is not None:
            self._bundle.clear()
        response.ok = True
        return response

    def _on_second(self) -> None:
        if not self.running:
            return
        array = DiagnosticArray(status=[self._status(camera) for camera in self.cameras])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _status(self, camera: Camera) -> DiagnosticStatus:
        tally, camera.tally = camera.tally, Tally()
        codec = camera.stream.info.codec if camera.stream.info else ""
        return decoder_status(f"{self.get_name()}: {camera.topic}", codec, tally, camera.achieved)


def main() -> int:
    """Entry point of ``ros2 run embodiedcomp_codec decoder``."""
    return run_node("decoder", DecoderNode)
