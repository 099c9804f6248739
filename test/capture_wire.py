"""Makes test/fixtures/wire_*.pcap: real packets of CompressedImage messages from one writer to one UDPv4 reader.

Run as root (it makes a network namespace whose loopback has an MTU of 1500, and an AF_PACKET socket), once each:
    unshare -n python test/capture_wire.py test/fixtures best_effort
    unshare -n python test/capture_wire.py test/fixtures reliable
    unshare -n python test/capture_wire.py test/fixtures bundle     (embodiedcomp_msgs/Bundle, best effort)
The reader and the writer are separate processes. A message of SIZES[i] bytes is sent every PERIOD s, after discovery.
Each packet is kept up to SNAP bytes; its IP header says how long it was.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import multiprocessing.synchronize
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

PERIOD = 0.1
SNAP = 200
SIZES = [0, 1, 2, 3, 41, 82, 200, 410, 1000, 1250, 1280, 1379, 2000, 3000, 5000, 9000, 20000, 40000, 66000, 90000]
FRAME_ID = "base_camera"
FORMAT = "rgb8; av1 compressed yuv420p"
TOPIC = "/base_camera/image_raw/embodiedcomp"


def kind(mode: str) -> Any:
    """The message type that is sent."""
    from sensor_msgs.msg import CompressedImage

    from embodiedcomp_msgs.msg import Bundle

    return Bundle if mode == "bundle" else CompressedImage


def read(mode: str, ready: multiprocessing.synchronize.Event, done: multiprocessing.synchronize.Event) -> None:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    rclpy.init()
    node = Node("capture_reader")
    policy = ReliabilityPolicy.RELIABLE if mode == "reliable" else ReliabilityPolicy.BEST_EFFORT
    node.create_subscription(kind(mode), TOPIC, lambda _: None, QoSProfile(depth=50, reliability=policy))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ready.set()
    while not done.is_set():
        executor.spin_once(0.1)
    rclpy.try_shutdown()


def loopback(mtu: int) -> None:
    """Bring up this namespace's loopback device with that MTU, multicast allowed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8922, struct.pack("16si12x", b"lo", mtu))  # SIOCSIFMTU
        fcntl.ioctl(
            control, 0x8914, struct.pack("16sh14x", b"lo", 0x1049)
        )  # SIOCSIFFLAGS: up, running, loopback, multicast


def capture(path: Path, stop: threading.Event) -> None:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    link.bind(("lo", 0))
    link.setsockopt(socket.SOL_SOCKET, 33, 16 * 2**20)  # SO_RCVBUFFORCE
    link.settimeout(0.2)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP, 1))
        while not stop.is_set():
            try:
                frame, address = link.recvfrom(262144)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING:  # loopback shows each packet twice
                continue
            now = time.time()
            file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame[:SNAP]), len(frame)) + frame[:SNAP])


def main(folder: Path, mode: str) -> None:
    import rclpy
    from rclpy.node import Node
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    ready, done = multiprocessing.Event(), multiprocessing.Event()
    reader = multiprocessing.Process(target=read, args=(mode, ready, done))
    reader.start()
    ready.wait()
    rclpy.init()
    node = Node("capture_writer")
    policy = ReliabilityPolicy.RELIABLE if mode == "reliable" else ReliabilityPolicy.BEST_EFFORT
    publisher = node.create_publisher(kind(mode), TOPIC, QoSProfile(depth=50, reliability=policy))
    while publisher.get_subscription_count() < 1:
        time.sleep(0.1)
    time.sleep(3.0)  # the endpoints' own handshakes are over
    name = f"wire_{mode}"
    stop = threading.Event()
    thread = threading.Thread(target=capture, args=(folder / f"{name}.pcap", stop))
    thread.start()
    time.sleep(0.5)
    for number, size in enumerate(SIZES):
        message = kind(mode)(data=bytes(number % 251 for _ in range(size)))
        if mode != "bundle":
            message.format = FORMAT
            message.header.frame_id = FRAME_ID
            message.header.stamp.sec = number
        publisher.publish(message)
        time.sleep(PERIOD)
    time.sleep(0.5)
    stop.set()
    thread.join()
    done.set()
    reader.join()
    (folder / f"{name}.json").write_text(json.dumps({"frame_id": FRAME_ID, "format": FORMAT, "sizes": SIZES}) + "\n")
    rclpy.try_shutdown()


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    if len(socket.if_nameindex()) > 1:
        sys.exit("not alone with a loopback device: start me with unshare -n")
    os.environ |= {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4", "ROS_DOMAIN_ID": "77"}
    loopback(1500)
    main(Path(sys.argv[1]), sys.argv[2])
