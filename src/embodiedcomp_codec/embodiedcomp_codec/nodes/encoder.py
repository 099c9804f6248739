"""The encoder node: camera images in, packets under a rate target out."""

from __future__ import annotations

import math
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter as RosParameter
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.inbox import Inbox
from embodiedcomp_codec.nodes.clocks import age_seconds
from embodiedcomp_codec.nodes.conversion import MessageError, bits_format, byte_array, image_to_frame, stamp_to_ns
from embodiedcomp_codec.nodes.lifecycle import LOCKSTEP_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_codec.nodes.messages import NOT_SET, encoder_status, sent_stats, skipped_stats
from embodiedcomp_codec.nodes.parameters import Parameter, declare
from embodiedcomp_codec.nodes.qos import RELIABILITY, request_qos, stream_qos
from embodiedcomp_codec.rate_control import MAX_BPP, Target
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.statistics import RateMeter, Tally
from embodiedcomp_codec.stream import SentFrame, StreamConfig
from embodiedcomp_msgs.msg import CodecStats, FrameLost, KeyFrameRequest
from embodiedcomp_msgs.srv import ResetEpisode

PARAMETERS = (
    Parameter("codec", "av1", "codec plug-in"),
    Parameter("mode", "inter", "whether frames may refer to the one before", choices=("inter", "intra")),
    Parameter(
        "target_bpp", NOT_SET, f"payload of every frame, above 0 to {MAX_BPP:g}", "bit per source pixel", runtime=True
    ),
    Parameter("target_bitrate", NOT_SET, "payload over stamp time, above 0; clears target_bpp", "bit/s", runtime=True),
    Parameter("budget_window", 1.0, "stamp time over which the target is kept", "s", 0.01, 3600.0),
    Parameter("frame_period", NOT_SET, "time between frames, until two stamps are known", "s", 1e-4, 3600.0),
    Parameter(
        "images", [], "image topics of several cameras, which share target_bitrate; not set: the one topic `image`"
    ),
    Parameter("lazy", True, "encode only while somebody subscribes the bits (reliable streams always encode)"),
    RELIABILITY,
)
TARGETS = ("target_bpp", "target_bitrate")


class Camera:
    """One image topic: its place in the group of streams, its publisher and counts."""

    def __init__(self, node: EncoderNode, image: str, group: EncoderGroup, index: int, reliability: str) -> None:
        self.topic = node.resolve_topic_name(image)
        qos = stream_qos(reliability)
        self.index = index
        self.stream = group.streams[index]
        self.config = self.stream.config
        self.bits = node.create_lifecycle_publisher(CompressedImage, f"{self.topic}/embodiedcomp", qos)
        self.failed = False
        self.clear()
        node.create_subscription(Image, image, lambda message: node.on_image(self, message), qos)
        requests = f"{self.topic}/embodiedcomp/key_request"
        qos = request_qos(reliability)
        node.create_subscription(KeyFrameRequest, requests, lambda message: node.on_key_request(self, message), qos)

    def clear(self) -> None:
        """Forget rates and counts."""
        self.meter = RateMeter(self.config.budget_window)
        self.tally = Tally()
        self.achieved = 0.0


class EncoderNode(AutostartNode):
    """Receives on the executor's thread, codes on its own: a slow codec never keeps the newest frame waiting."""

    errors = (ParameterError, CodecError)

    def __init__(self) -> None:
        super().__init__("encoder")
        self._cameras: list[Camera] = []
        self._worker: threading.Thread | None = None
        self._prepared = False
        self._inbox: Inbox[Camera, Image] = Inbox(newest_wins=True)

    def prepare(self) -> None:
        """Read parameters; build streams, topics, services and the coding thread."""
        values = declare(self, PARAMETERS)
        get_codec(values["codec"])
        config = StreamConfig(
            **{name: values[name] for name in ("codec", "mode", *TARGETS, "budget_window", "frame_period")}
        )
        config.validate()
        self._reliable = values["reliability"] == "reliable"
        self._lazy = values["lazy"] and not self._reliable
        self._lock = threading.Lock()
        self._inbox = Inbox(newest_wins=not self._reliable)
        self._episode = 0
        self._stats = self.create_lifecycle_publisher(CodecStats, "~/stats", stream_qos(values["reliability"]))
        self._lost = self.create_publisher(FrameLost, "frame_lost", LOCKSTEP_QOS)
        self._diagnostics = self.create_lifecycle_publisher(DiagnosticArray, "/diagnostics", 10)
        images = values["images"] or ["image"]
        self._group = EncoderGroup(config, len(images))
        self._cameras = [
            Camera(self, image, self._group, index, values["reliability"]) for index, image in enumerate(images)
        ]
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        self.create_timer(1.0, self._on_second)
        self.add_on_set_parameters_callback(self._on_set)
        self.add_post_set_parameters_callback(self._after_set)
        self._prepared = True
        self._worker = threading.Thread(target=self._work, name="coding", daemon=True)
        self._worker.start()

    def release(self) -> None:
        """End the coding thread and stop following parameters."""
        if self._prepared:
            self.remove_on_set_parameters_callback(self._on_set)
            self.remove_post_set_parameters_callback(self._after_set)
            self._prepared = False
        self._inbox.close()
        if self._worker is not None:
            self._worker.join()
            self._worker = None

    def on_image(self, camera: Camera, message: Image) -> None:
        """Queue a frame, if anybody wants it."""
        if self.running and not (self._lazy and camera.bits.get_subscription_count() == 0):
            self._inbox.put(camera, message)

    def on_key_request(self, camera: Camera, message: KeyFrameRequest) -> None:
        """Make the camera's next frame a key frame. In lockstep the loop goes on only then: the loss is announced here."""
        with self._lock:
            camera.stream.request_key()
        self._announce(camera, message.header)

    def _announce(self, camera: Camera, header: Header) -> None:
        """In lockstep: nobody must wait for the picture of this stamp."""
        if self._reliable:
            self._lost.publish(FrameLost(header=header, episode=self._episode, topic=camera.topic))

    def _work(self) -> None:
        try:
            while (item := self._inbox.get()) is not None:
                with self._lock:
                    self._encode(*item)
        except Exception as error:  # noqa: BLE001 (a node that looks alive and codes nothing is worse than none)
            self.fail("coding", error)

    def _encode(self, camera: Camera, message: Image) -> None:
        started = time.perf_counter()
        try:
            frame = image_to_frame(message)
            sent = self._group.encode(camera.index, frame, stamp_to_ns(message.header.stamp))
        except (MessageError, CodecError) as error:
            if not camera.failed:
                self.get_logger().error(f"{camera.topic}: {error}; such frames are skipped")
            camera.failed = True
            camera.tally.corrupt += 1
            self._skip(camera, message, time.perf_counter() - started)
            return
        camera.failed = False
        bits = CompressedImage(header=message.header, format=bits_format(message.encoding, camera.config.codec))
        bits.data = byte_array(sent.packet)
        camera.bits.publish(bits)
        self._report(camera, message, sent, time.perf_counter() - started)

    def _skip(self, camera: Camera, message: Image, seconds: float) -> None:
        """A frame that became no packet: in lockstep, statistics without a payload and the announcement of its loss."""
        if not self._reliable:
            return
        size = (message.width, message.height)
        stats = skipped_stats(message.header, camera.topic, camera.config.codec, camera.stream.mode, size)
        self._publish_stats(camera, stats, seconds)
        self._announce(camera, message.header)

    def _report(self, camera: Camera, message: Image, sent: SentFrame, seconds: float) -> None:
        stamp_ns = stamp_to_ns(message.header.stamp)
        camera.achieved = camera.meter.add(stamp_ns, len(sent.packet))
        camera.tally.add(seconds, sent.key, sent.at_floor, sent.at_ceiling)
        size = (message.width, message.height)
        stats = sent_stats(message.header, camera.topic, camera.config.codec, camera.stream.mode, size, sent)
        stats.age_seconds = age_seconds(self, stamp_ns, self._reliable)
        self._publish_stats(camera, stats, seconds)

    def _publish_stats(self, camera: Camera, stats: CodecStats, seconds: float) -> None:
        stats.dropped_frames = self._inbox.dropped(camera)
        stats.target_bitrate, stats.achieved_bitrate = camera.stream.target_bitrate, camera.achieved
        stats.processing_seconds = seconds
        self._stats.publish(stats)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once everything has a reader: then no packet of step 0 can be lost."""
        unheard = [camera.topic for camera in self._cameras if camera.bits.get_subscription_count() == 0]
        if unheard and self._reliable:
            response.message = f"no decoder subscribes the bits of {', '.join(unheard)} yet"
            return response
        with self._lock:
            self._inbox.clear()
            self._episode = request.episode
            self._group.reset()
            for camera in self._cameras:
                camera.clear()
        response.ok = True
        return response

    def _on_set(self, parameters: list[RosParameter]) -> SetParametersResult:
        """Refuse an impossible target with the reason; both at once are one."""
        table = {parameter.name: parameter for parameter in PARAMETERS}
        try:
            asked = {p.name: table[p.name].check(p.value) for p in parameters if p.name in TARGETS}
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        problem = Target(asked.get("target_bpp", NOT_SET), asked.get("target_bitrate", NOT_SET)).problem()
        return SetParametersResult(successful=problem is None, reason=problem or "")

    def _after_set(self, parameters: list[RosParameter]) -> None:
        """Follow a new target, and clear the other one."""
        asked = {p.name: float(p.value) for p in parameters if p.name in TARGETS}
        if not asked:
            return
        given = [name for name, value in asked.items() if not math.isnan(value)]
        for other in TARGETS:
            if given and other not in asked and not math.isnan(float(self.get_parameter(other).value)):
                # Setting it comes back here with the other one unset, and follows both.
                self.set_parameters([RosParameter(other, RosParameter.Type.DOUBLE, NOT_SET)])
                return
        with self._lock:
            self._group.set_target(**{name: float(self.get_parameter(name).value) for name in TARGETS})

    def _on_second(self) -> None:
        """Publish diagnostics, one status a camera."""
        if not self.running:
            return
        with self._lock:
            array = DiagnosticArray(status=[self._status(camera) for camera in self._cameras])
            for camera in self._cameras:
                camera.tally = Tally()
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _status(self, camera: Camera) -> DiagnosticStatus:
        name = f"{self.get_name()}: {camera.topic}"
        target, dropped = camera.stream.target_bitrate, self._inbox.dropped(camera)
        return encoder_status(name, camera.config.codec, camera.tally, camera.achieved, target, dropped)


def main() -> int:
    """Entry point of ``ros2 run embodiedcomp_codec encoder``."""
    return run_node("encoder", EncoderNode)
