"""Two cameras through an encoder node with and without the thin envelope, each message's packets caught on the wire.

``unshare --net python -m embodiedcomp_eval.nodes.envelope_rig``, as root: it listens to a loopback device that it has for itself.
UDPv4 alone; jobs as JSON lines on stdin.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from embodiedcomp_codec.bundle import BundleReader
from embodiedcomp_eval.nodes.codec_path import image_message
from embodiedcomp_eval.processes import Exit, Fleet
from embodiedcomp_eval.ros_trial import executable
from embodiedcomp_eval.waiting import wait_until
from embodiedcomp_msgs.msg import Bundle
from embodiedcomp_msgs.srv import ResetEpisode

PATIENCE = 20.0
SIOCSIFFLAGS, SIOCSIFMTU, UP_RUNNING_MULTICAST = 0x8914, 0x8922, 0x1049
IP_VERSION = 4
UDP = 17
RECEIVE_BUFFER = 64 << 20
SO_RCVBUFFORCE = 33


def bring_up_loopback() -> None:
    """Up, multicast allowed, with the MTU of Ethernet; RuntimeError where there is any other device."""
    if len(socket.if_nameindex()) > 1:
        raise RuntimeError("not alone with a loopback device: start me with unshare --net")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si12x", b"lo", 1500))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP_RUNNING_MULTICAST))


class Wire:
    """Keeps every IP packet of loopback until it is asked which ones carried a message."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self._socket.settimeout(0.2)
        self._packets: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def forget(self) -> None:
        """What was caught so far."""
        self._packets = []

    def bytes_of(self, content: bytes) -> list[int]:
        """IP bytes of each packet that carried this content."""
        return [int.from_bytes(packet[2:4], "big") for packet in self._packets if content in packet]

    def _listen(self) -> None:
        while True:
            try:
                packet, address = self._socket.recvfrom(65536)
            except TimeoutError:
                if self._stop.is_set():  # and nothing is left
                    return
                continue
            small = len(packet) < 1500  # one packet a message: pictures on their way to the encoder are larger
            if address[2] != socket.PACKET_OUTGOING and small and packet[0] >> 4 == IP_VERSION and packet[9] == UDP:
                self._packets.append(packet)


def envelope(codec: str, target_bpp: float, films: str, bundle: bool) -> dict[str, Any]:
    """films: an npz file with one array ``(N, H, W, 3) uint8`` a camera. All frames at 10 Hz, from a fresh start."""
    with np.load(films) as file:
        frames = [file[name] for name in file.files]
    names = [f"/camera_{index}/image_raw" for index in range(len(frames))]
    parameters = [
        f"codec:={codec}", f"target_bpp:={target_bpp}", "frame_period:=0.1", f"images:=[{','.join(names)}]",
        f"bundle:={str(bundle).lower()}",
    ]  # fmt: skip
    # Best-effort pictures of many fragments would be lost over UDP; only what leaves the encoder is measured.
    parameters += [f"qos_overrides.{name}.subscription.reliability:=reliable" for name in names]
    arguments = [argument for parameter in parameters for argument in ("-p", parameter)]
    with Fleet() as fleet:
        command = [executable("embodiedcomp_codec", "encoder"), "--ros-args", *arguments]
        fleet.start({"encoder": command}, {**os.environ, "RCUTILS_LOGGING_SEVERITY": "INFO"})
        while True:
            event = fleet.next()
            if isinstance(event, Exit):
                raise RuntimeError(f"the encoder ended with status {event.status}: {' '.join(event.last)}")
            if event.text == "ready":
                break
        rclpy.init()
        node = rclpy.create_node("envelope_rig")
        best = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
        cameras = [node.create_publisher(ImageMessage, name, QoSProfile(depth=5)) for name in names]
        heard: list[tuple[int, bytes]] = []
        if bundle:
            node.create_subscription(Bundle, "bundle", lambda m: heard.append((-1, bytes(m.data))), best)
        else:
            for index, name in enumerate(names):
                node.create_subscription(
                    CompressedImage,
                    f"{name}/embodiedcomp",
                    lambda m, index=index: heard.append((index, bytes(m.data))),
                    best,
                )
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        spinning = threading.Thread(target=executor.spin, daemon=True)
        spinning.start()
        wire = Wire()
        try:
            topics = ["/bundle"] if bundle else [f"{name}/embodiedcomp" for name in names]
            wait_until(
                lambda: (
                    all(camera.get_subscription_count() for camera in cameras)
                    and all(node.count_publishers(topic) for topic in topics)
                ),
                "encoder on the cameras' topics",
                PATIENCE,
            )
            expected = 1 if bundle else len(names)
            warm_up(node, lambda: [c.publish(image_message(f[0], 0)) for c, f in zip(cameras, frames)], heard)
            wire.forget()
            count = min(map(len, frames))
            for number in range(count):
                for camera, film in zip(cameras, frames):
                    camera.publish(image_message(film[number], number * 100_000_000))
                wait_until(lambda: len(heard) >= expected * (number + 1), "message", PATIENCE)  # noqa: B023
        finally:
            executor.shutdown()
            spinning.join()
            wire.close()
            rclpy.try_shutdown()
    return {
        "codec": codec,
        "target_bpp": target_bpp,
        "bundle": bundle,
        "instants": count,
        **_sizes(heard, wire, len(names)),
    }


def warm_up(node: Node, show: Callable[[], Any], heard: list[Any]) -> None:
    """Show until something comes, which is when all ends have found each other; then start the encoder anew."""
    deadline = time.monotonic() + PATIENCE
    while not heard:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the encoder sends nothing within {PATIENCE:g} s")
        show()
        time.sleep(0.2)  # matching of others' endpoints has no event
    reset = node.create_client(ResetEpisode, "encoder/reset_episode")
    done = threading.Event()
    if not reset.wait_for_service(PATIENCE):
        raise RuntimeError("the encoder offers no reset_episode")
    reset.call_async(ResetEpisode.Request()).add_done_callback(lambda _: done.set())
    if not done.wait(PATIENCE):
        raise RuntimeError("the encoder doesn't answer reset_episode")
    time.sleep(0.5)  # what was under way arrives
    heard.clear()


def _sizes(heard: list[tuple[int, bytes]], wire: Wire, cameras: int) -> dict[str, Any]:
    reader = BundleReader(cameras)
    payload = on_wire = messages = 0
    for camera, data in heard:
        found = wire.bytes_of(data)
        if len(found) != 1:
            raise RuntimeError(f"{len(found)} packets carried a message of {len(data)} bytes instead of one")
        on_wire += found[0]
        messages += 1
        if camera >= 0:
            payload += len(data)
            continue
        received = reader.read(data)
        if received.bundle is None:
            raise RuntimeError(f"an unreadable bundle: {received.reason}")
        payload += sum(len(part.packet) for part in received.bundle.parts if part is not None)
    return {"messages": messages, "payload_bytes": payload, "wire_bytes": on_wire}


def main() -> None:
    """Serve jobs until stdin ends."""
    bring_up_loopback()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(envelope(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
