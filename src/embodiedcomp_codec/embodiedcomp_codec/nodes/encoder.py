"""The encoder node: camera images in, packets under a rate target out."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Iterator

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.encoder_group import EncoderGroup
from embodiedcomp_codec.inbox import Inbox
from embodiedcomp_codec.nodes import bundle_output, intake, outputs
from embodiedcomp_codec.nodes.bundle_output import BundleOutput
from embodiedcomp_codec.nodes.clocks import age_seconds
from embodiedcomp_codec.nodes.conversion import MessageError, stamp_to_ns
from embodiedcomp_codec.nodes.encoder_camera import Camera, Message
from embodiedcomp_codec.nodes.lifecycle import LOCKSTEP_QOS, AutostartNode, ParameterError, run_node
from embodiedcomp_codec.nodes.messages import encoder_status, sent_stats, skipped_stats
from embodiedcomp_codec.nodes.parameters import Parameter, declare
from embodiedcomp_codec.nodes.qos import RELIABILITY, stream_qos
from embodiedcomp_codec.nodes.targets import NOT_SET, TARGETS, TargetParameters
from embodiedcomp_codec.nodes.topics import image_topics
from embodiedcomp_codec.rate_control import MAX_BPP
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.rolling import MAX_CYCLE
from embodiedcomp_codec.statistics import Tally
from embodiedcomp_codec.stream import SentFrame, StreamConfig
from embodiedcomp_codec.view import ViewError, views
from embodiedcomp_codec.weights import use_weights
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
        "key_period", NOT_SET, "time between key frames, at most; not set: only where one is needed", "s", 1e-3, 1e6
    ),
    Parameter(
        "refresh_frames",
        0,
        "frames in which an inter stream codes every part of the picture anew, band by band; 0: only key frames",
        "frames",
        0,
        MAX_CYCLE,
    ),
    Parameter(
        "images", [], "image topics of several cameras, which share target_bitrate; not set: the one topic `image`"
    ),
    Parameter("lazy", True, "encode only while somebody subscribes any output (reliable streams always encode)"),
    *intake.PARAMETERS,
    *outputs.PARAMETERS,
    Parameter("weights", "", "file or folder with a learned codec's weights; empty: as the environment says"),
    *bundle_output.PARAMETERS,
    Parameter(
        "max_wait",
        0.2,
        "best_effort: time after which a waiting frame gives way to a newer one, all but the newest once the codec lags so long",
        "s",
        0.0,
        60.0,
    ),
    RELIABILITY,
)


class EncoderNode(AutostartNode):
    """Receives on the executor's thread, codes on others: behind a slow codec frames never queue for longer than ``max_wait``.

    A camera's frames are coded in order, one at a time; in a live stack those of other cameras meanwhile, a thread a core,
    where the codec allows it. Each camera has a lock, and ``_books`` guards what they share; it is taken last.
    """

    errors = (ParameterError, CodecError, ViewError)

    def __init__(self) -> None:
        super().__init__("encoder")
        self.cameras: list[Camera] = []
        self._bundle: BundleOutput | None = None
        self._workers: list[threading.Thread] = []
        self._books = threading.Lock()
        self._targets: TargetParameters | None = None
        self._inbox: Inbox[Camera, Message] = Inbox(0.0, time.monotonic)

    def prepare(self) -> None:
        """Read parameters; build streams, topics, services and the coding thread."""
        values = declare(self, PARAMETERS)
        if values["weights"]:
            use_weights(values["weights"])
        get_codec(values["codec"])
        config = StreamConfig(
            **{name: values[name] for name in ("codec", "mode", *TARGETS, "budget_window", "frame_period")}
        )
        config.validate()
        self._reliable = values["reliability"] == "reliable"
        self._lazy = values["lazy"] and not self._reliable
        self._inbox = Inbox(None if self._reliable else values["max_wait"], time.monotonic)
        self._episode = 0
        self._stats = self.create_lifecycle_publisher(CodecStats, "~/stats", stream_qos(values["reliability"]))
        self._lost = self.create_publisher(FrameLost, "frame_lost", LOCKSTEP_QOS)
        self._diagnostics = self.create_lifecycle_publisher(DiagnosticArray, "/diagnostics", 10)
        images = image_topics(values["images"] or ["image"], self.resolve_topic_name, intake.SUFFIX)
        refresh = values["refresh_frames"]
        if refresh and (values["also"] or not math.isnan(values["key_period"])):
            other = "also" if values["also"] else "key_period"
            raise ParameterError(f"parameters refresh_frames and {other} are both set; set one")
        self._group = EncoderGroup(config, len(images), refresh)
        seen = views(values["crop"], values["resize"], len(images))
        self.cameras = [
            Camera(self, image, index, self._group, seen[index], values, self._on_image, self._on_key_request)
            for index, image in enumerate(images)
        ]
        self._bundle = (
            BundleOutput(self, len(images), values, stream_qos(values["reliability"]), self._on_bundle_request)
            if values["bundle"]
            else None
        )
        self.create_service(ResetEpisode, "~/reset_episode", self._on_reset)
        self.create_timer(1.0, self._on_second)
        self.create_timer(intake.LOOK_PERIOD, self._look)
        self._targets = TargetParameters(self, PARAMETERS, self._follow)
        # In lockstep the order of cameras within an instant must not depend on who is faster.
        together = not self._reliable and getattr(get_codec(values["codec"]), "parallel", False)
        count = min(len(images), os.cpu_count() or 1) if together else 1
        self._workers = [threading.Thread(target=self._work, name=f"coding {i}", daemon=True) for i in range(count)]
        for worker in self._workers:
            worker.start()

    def release(self) -> None:
        """End the coding threads and stop following parameters."""
        if self._targets is not None:
            self._targets.release()
            self._targets = None
        self._inbox.close()
        for worker in self._workers:
            worker.join()
        self._workers = []

    def _look(self) -> None:
        for camera in self.cameras:
            camera.intake.look()

    def _on_image(self, camera: Camera, message: Message) -> None:
        """Queue a frame, if anybody wants it."""
        wanted = camera.outputs.wanted() or (self._bundle is not None and self._bundle.wanted())
        if self.running and (wanted or not self._lazy):
            self._inbox.put(camera, message)

    def _on_key_request(self, camera: Camera, message: KeyFrameRequest) -> None:
        """Make the camera's next frame a key frame. In lockstep the loop goes on only then: the loss is announced here."""
        camera.want_key()
        self._announce(camera, message.header)

    def _on_bundle_request(self, header: Header | None) -> None:
        """Make every camera's next frame a key frame, and the next bundle one that a late joiner can read."""
        for camera in self.cameras:
            camera.want_key()
        if self._bundle is not None:
            with self._books:
                self._bundle.describe()
        if header is not None:
            for camera in self.cameras:
                self._announce(camera, header)

    def _announce(self, camera: Camera, header: Header) -> None:
        """In lockstep: nobody must wait for the picture of this stamp."""
        if self._reliable:
            self._lost.publish(FrameLost(header=header, episode=self._episode, topic=camera.topic))

    @contextlib.contextmanager
    def _everything(self) -> Iterator[None]:
        """No camera is coding, and nobody touches what they share."""
        with contextlib.ExitStack() as held:
            for lock in (*(camera.lock for camera in self.cameras), self._books):
                held.enter_context(lock)
            yield

    def _work(self) -> None:
        try:
            while (item := self._inbox.get()) is not None:
                with item[0].lock:
                    self.encode(*item)
                self._inbox.done(item[0])
        except Exception as error:  # noqa: BLE001 (a node that looks alive and codes nothing is worse than none)
            self.fail("coding", error)

    def encode(self, camera: Camera, message: Message) -> None:
        """Code one picture and send it; only with the camera's lock held, or where there is no other caller."""
        started = time.perf_counter()
        try:
            source, sent = camera.encode(message)
        except (MessageError, ViewError, CodecError) as error:
            if camera.failed():
                self.get_logger().error(f"{camera.topic}: {error}; such frames are skipped")
            self._skip(camera, message, time.perf_counter() - started)
            return
        camera.outputs.publish(message.header, source, sent, camera.codec)
        if self._bundle is not None:
            with self._books:
                self._bundle.add(self.cameras.index(camera), message.header, source.encoding, sent.packet)
        height, width = source.pixels.shape[:2]
        self._report(camera, message.header, (width, height), sent, time.perf_counter() - started)

    def _skip(self, camera: Camera, message: Message, seconds: float) -> None:
        """A frame that became no packet: in lockstep, statistics without a payload and the announcement of its loss."""
        if not self._reliable:
            return
        size = (message.width, message.height) if isinstance(message, Image) else (0, 0)
        stats = skipped_stats(message.header, camera.topic, camera.codec, camera.mode, size)
        self._publish_stats(camera, stats, seconds)
        self._announce(camera, message.header)

    def _report(self, camera: Camera, header: Header, size: tuple[int, int], sent: SentFrame, seconds: float) -> None:
        stamp_ns = stamp_to_ns(header.stamp)
        camera.achieved = camera.meter.add(camera.time_ns, len(sent.packet))
        with camera.counts:
            camera.tally.add(seconds, sent.key, sent.at_floor, sent.at_ceiling)
        if not self._stats.get_subscription_count():
            return
        stats = sent_stats(header, camera.topic, camera.codec, camera.mode, size, sent)
        stats.age_seconds = age_seconds(self, stamp_ns, self._reliable)
        self._publish_stats(camera, stats, seconds)

    def _publish_stats(self, camera: Camera, stats: CodecStats, seconds: float) -> None:
        stats.dropped_frames = self._inbox.dropped(camera)
        stats.target_bitrate, stats.achieved_bitrate = camera.target_bitrate, camera.achieved
        stats.processing_seconds = seconds
        with self._books:
            self._stats.publish(stats)

    def _on_reset(self, request: ResetEpisode.Request, response: ResetEpisode.Response) -> ResetEpisode.Response:
        """Ready once everything has a reader: then no packet of step 0 can be lost."""
        unheard = [camera.topic for camera in self.cameras if camera.outputs.bits.get_subscription_count() == 0]
        if self._bundle is not None and self._bundle.wanted():
            unheard = []
        if unheard and self._reliable:
            response.message = f"no decoder subscribes the bits of {', '.join(unheard)} yet"
            return response
        with self._everything():
            self._inbox.clear()
            self._episode = request.episode
            self._group.reset()
            for camera in self.cameras:
                camera.clear()
            if self._bundle is not None:
                self._bundle.clear()
        response.ok = True
        return response

    def _follow(self, target_bpp: float, target_bitrate: float) -> None:
        with self._everything():
            self._group.set_target(target_bpp=target_bpp, target_bitrate=target_bitrate)

    def _on_second(self) -> None:
        """Publish diagnostics, one status a camera."""
        if not self.running:
            return
        array = DiagnosticArray()
        for camera in self.cameras:
            # Not under the camera's lock: images would overflow their queue, uncounted, while a slow one is coded.
            array.status.append(self._status(camera, camera.take_tally()))
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _status(self, camera: Camera, tally: Tally) -> DiagnosticStatus:
        name = f"{self.get_name()}: {camera.topic}"
        target, dropped = camera.target_bitrate, self._inbox.dropped(camera)
        return encoder_status(name, camera.codec, tally, camera.achieved, target, dropped, camera.note)


def main() -> int:
    """Entry point of ``ros2 run embodiedcomp_codec encoder``."""
    return run_node("encoder", EncoderNode)
