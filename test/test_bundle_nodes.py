"""The thin envelope between real nodes over DDS: what comes out is what went in, late joiners and loss included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_eval.wire import bundle_wire_size
from ros_harness import Processes, reset_episode, spin_until

PERIOD_NS = 100_000_000
CAMERAS = ("/base/image_raw", "/wrist/image_raw")
ENCODINGS = ("rgb8", "bgr8")
IMAGES = ("-p", f"images:=[{CAMERAS[0]},{CAMERAS[1]}]", "-p", "bundle:=true")
THIN = ("-p", "codec:=av1", "-p", "target_bpp:=0.005", "-p", "frame_period:=0.1", "-p", "bundle_joint_states:=true")
FILMS = [panning(40, 256, 256, seed) for seed in (0, 1)]


class Robot:
    """Two cameras, a joint state, and a listener to what comes back."""

    def __init__(self, context: Any, reliable: bool, decoded: str = "") -> None:
        import rclpy
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import Image, JointState

        from embodiedcomp_codec.nodes import conversion
        from embodiedcomp_msgs.msg import Bundle, KeyFrameRequest
        from embodiedcomp_msgs.srv import ResetEpisode

        self.Image = Image
        self.conversion, self.JointState, self.ResetEpisode = conversion, JointState, ResetEpisode
        self.node = rclpy.create_node("robot", context=context)
        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos = self.qos = QoSProfile(depth=1000, reliability=policy)
        self.cameras = [self.node.create_publisher(Image, camera, qos) for camera in CAMERAS]
        self.joints = self.node.create_publisher(JointState, "/joint_states", qos)
        self.images: dict[str, list[Any]] = {camera: [] for camera in CAMERAS}
        self.bundles: list[Any] = []
        self.states: list[Any] = []
        self.requests: list[Any] = []
        for camera in CAMERAS:
            self.node.create_subscription(Image, f"{camera}/decoded", self.images[camera].append, qos)
        self.node.create_subscription(Bundle, "/bundle", self.bundles.append, qos)
        self.node.create_subscription(JointState, "/joint_states/decoded", self.states.append, qos)
        self.node.create_subscription(KeyFrameRequest, "/bundle/key_request", self.requests.append, 1)

    def wait(self, condition: Callable[[], Any], timeout: float = 30.0) -> None:
        heard = {camera: len(found) for camera, found in self.images.items()}
        assert spin_until(self.node, condition, timeout), (heard, len(self.bundles), len(self.requests))

    def show(self, index: int, number: int | None = None) -> None:
        """An instant: the joint state, then both cameras."""
        stamp = (index if number is None else number) * PERIOD_NS
        sec, nanosec = divmod(stamp, 1_000_000_000)
        state = self.JointState(name=["shoulder", "elbow"], position=[0.25 * index, -1.5], velocity=[0.0, 0.5])
        state.header.stamp.sec, state.header.stamp.nanosec = sec, nanosec
        self.joints.publish(state)
        for publisher, film, encoding, lens in zip(self.cameras, FILMS, ENCODINGS, ("base_lens", "wrist_lens")):
            message = self.conversion.frame_to_image(film[index % len(film)], encoding)
            message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
            message.header.frame_id = lens
            publisher.publish(message)

    def warm_up(self) -> None:
        """Show instants until one comes back whole: others' matching can't be seen from here."""
        for number in range(100):
            self.show(0, number)
            if spin_until(self.node, lambda: self.states and self.shows(number), 0.3):  # noqa: B023
                return
        raise AssertionError("no answer to 100 instants")

    def shows(self, number: int) -> bool:
        """Whether both pictures of that instant have come back."""
        stamps = [{self.conversion.stamp_to_ns(m.header.stamp) for m in found} for found in self.images.values()]
        return all(number * PERIOD_NS in each for each in stamps)

    def reset(self, *nodes: str) -> None:
        for name in nodes:
            client = self.node.create_client(self.ResetEpisode, f"{name}/reset_episode")
            self.wait(client.service_is_ready)
            reset_episode(self.node, client)
        for heard in (*self.images.values(), self.bundles, self.states, self.requests):
            heard.clear()


def start(processes: Processes, node: str, *arguments: str) -> Any:
    process = processes.start("embodiedcomp_codec", node, *arguments)
    process.wait_for("ready")
    return process


def test_both_cameras_and_the_joints_come_back_as_they_were_and_thin(ros_context: Any, processes: Processes) -> None:
    reliable = ("-p", "reliability:=reliable")
    start(processes, "encoder", *IMAGES, *THIN, *reliable)
    start(processes, "decoder", *IMAGES, *reliable)
    robot = Robot(ros_context, reliable=True)
    robot.wait(
        lambda: (
            all(camera.get_subscription_count() for camera in robot.cameras) and robot.joints.get_subscription_count()
        )
    )
    robot.wait(lambda: all(robot.node.count_publishers(f"{camera}/decoded") for camera in CAMERAS))
    robot.warm_up()
    robot.reset("encoder", "decoder")
    streams = [EncoderStream(StreamConfig("av1", target_bpp=0.005, frame_period=0.1)) for _ in CAMERAS]
    decoders = [DecoderStream() for _ in CAMERAS]
    payload = 0
    for index in range(40):
        robot.show(index)
        robot.wait(lambda: len(robot.bundles) > index and all(len(found) > index for found in robot.images.values()))  # noqa: B023
        for camera, stream, decoder, film, encoding in zip(CAMERAS, streams, decoders, FILMS, ENCODINGS):
            sent = stream.encode(film[index], index * PERIOD_NS)
            payload += len(sent.packet)
            image = robot.images[camera][index]
            assert np.array_equal(robot.conversion.image_to_frame(image), decoder.decode(sent.packet).image)
            assert image.encoding == encoding
            assert image.header.frame_id == ("base_lens" if camera == CAMERAS[0] else "wrist_lens")
            assert robot.conversion.stamp_to_ns(image.header.stamp) == index * PERIOD_NS
    robot.wait(lambda: len(robot.states) == 40)
    last = robot.states[-1]
    assert list(last.name) == ["shoulder", "elbow"]
    assert list(last.velocity) == [0.0, 0.5] and last.position[1] == -1.5
    assert len(robot.bundles) == 40 and not robot.requests
    wire = sum(bundle_wire_size(len(message.data)) for message in robot.bundles)
    assert wire <= 3 * payload, (wire, payload)  # with the joint state


def test_depth_and_colour_share_a_bundle_and_depth_loses_nothing(ros_context: Any, processes: Processes) -> None:
    reliable = ("-p", "reliability:=reliable")
    start(processes, "encoder", *IMAGES, "-p", "codec:=jpeg", "-p", "frame_period:=0.1", *reliable)
    start(processes, "decoder", *IMAGES, *reliable)
    robot = Robot(ros_context, reliable=True)
    robot.wait(lambda: all(camera.get_subscription_count() for camera in robot.cameras))
    robot.wait(lambda: all(robot.node.count_publishers(f"{camera}/decoded") for camera in CAMERAS))
    depth = np.random.default_rng(0).integers(0, 65536, (48, 65), dtype=np.uint16)
    colour = panning(1, 64, 64)[0]

    def show(number: int) -> bool:
        for publisher, picture, encoding in zip(robot.cameras, (depth, colour), ("16UC1", "rgb8")):
            message = robot.conversion.frame_to_image(picture, encoding)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(number * PERIOD_NS, 1_000_000_000)
            publisher.publish(message)
        return spin_until(robot.node, lambda: robot.shows(number), 0.5)

    assert any(show(number) for number in range(60)), "no answer to 60 instants"
    found = robot.images[CAMERAS[0]][-1]
    assert found.encoding == "16UC1" and (found.width, found.height) == (65, 48)
    assert np.array_equal(robot.conversion.image_to_depth(found), depth)
    assert robot.images[CAMERAS[1]][-1].encoding == "rgb8"
    assert len(robot.bundles[-1].data) > depth.nbytes, "noise of 16 bit can't be smaller"


def test_a_late_decoder_and_a_lossy_link_are_served(ros_context: Any, processes: Processes) -> None:
    start(processes, "encoder", *IMAGES, "-p", "codec:=av1", "-p", "target_bpp:=0.05", "-p", "frame_period:=0.1")
    link = ("-r", "in:=/bundle", "-r", "out:=/far/bundle", "-p", "type:=bundle", "-p", "loss:=0.15", "-p", "seed:=3")
    start(processes, "link", *link)
    robot = Robot(ros_context, reliable=False)
    robot.wait(lambda: all(camera.get_subscription_count() for camera in robot.cameras))
    for index in range(10):  # nobody decodes yet
        robot.show(index)
        spin_until(robot.node, lambda: len(robot.bundles) > index, 0.3)  # noqa: B023
    far = ("-r", "bundle:=/far/bundle", "-r", "/far/bundle/key_request:=/bundle/key_request")
    start(processes, "decoder", *IMAGES, *far)
    shown = {}
    index = 9
    while min(len(found) for found in robot.images.values()) < 15 or not robot.requests:
        index += 1
        assert index < 300, "the stream never comes back"
        before = len(robot.bundles)
        robot.show(index)
        shown[index * PERIOD_NS] = index
        spin_until(robot.node, lambda: len(robot.bundles) > before, 0.5)  # noqa: B023
        spin_until(robot.node, lambda: False, 0.02)
    for camera, film in zip(CAMERAS, FILMS):
        stamps = [robot.conversion.stamp_to_ns(image.header.stamp) for image in robot.images[camera]]
        assert stamps == sorted(set(stamps)) and set(stamps) <= set(shown)
        for image, stamp in zip(robot.images[camera], stamps):
            found = robot.conversion.image_to_frame(image).astype(float)
            errors = [
                np.mean((found - film[number].astype(float)) ** 2)
                for number in (shown[stamp] % 40, (shown[stamp] + 20) % 40)
            ]
            assert errors[0] < errors[1], "a picture of another instant, or one built on a missing reference"
    # A second decoder, of other names, comes late behind the same link.
    late: list[Any] = []
    topics = [f"/late{camera}" for camera in CAMERAS]
    for topic in topics:
        robot.node.create_subscription(robot.Image, f"{topic}/decoded", late.append, robot.qos)
    names = ("-p", f"images:=[{topics[0]},{topics[1]}]", "-p", "bundle:=true", "-r", "__node:=second")
    start(processes, "decoder", *names, *far)
    robot.wait(lambda: robot.node.count_subscribers("/far/bundle") == 2)
    robot.wait(lambda: all(robot.node.count_publishers(f"{topic}/decoded") for topic in topics))
    for more in range(1, 61):
        robot.show(index + more)
        if spin_until(robot.node, lambda: len({image.header.frame_id for image in late}) == 2, 0.1):
            break
    assert {image.header.frame_id for image in late} == {"base_lens", "wrist_lens"}


@pytest.mark.parametrize(
    ("node", "arguments", "words"),
    [
        ("link", ("-p", "type:=bundle", "-p", "timing:=lockstep"), "timing must be realtime"),
        ("encoder", ("-p", "bundle:=true", "-p", "bundle_tolerance:=-1.0"), "bundle_tolerance"),
    ],
)
def test_bad_parameters_are_one_line(
    ros_domain: int, processes: Processes, node: str, arguments: Any, words: str
) -> None:
    process = processes.start("embodiedcomp_codec", node, *arguments)
    process.wait_for(words)
