"""A process that finds the optional message packages: shows frames to an encoder node and keeps every message of its outputs.

    python video_viewer.py FRAMES.npz OUT_FOLDER IMAGE_TOPIC TRANSPORT LATE

Frames are shown one after the other, each once the one before was answered on all topics. A viewer of the transport's topic
alone joins after LATE frames; what it heard is kept apart.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import numpy as np
import rclpy
from ffmpeg_image_transport_msgs.msg import FFMPEGPacket
from foxglove_msgs.msg import CompressedVideo
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage

from embodiedcomp_codec.nodes.conversion import frame_to_image
from ros_harness import spin_until

TYPES = {"ffmpeg": FFMPEGPacket, "foxglove": CompressedVideo}
QOS = QoSProfile(depth=100)


def fields(message: Any) -> dict[str, Any]:
    """Everything but the bitstream."""
    header = getattr(message, "header", message)
    stamp = getattr(header, "stamp", None) or message.timestamp
    names = ("width", "height", "encoding", "pts", "flags", "is_bigendian", "format")
    values = {name: getattr(message, name) for name in names if hasattr(message, name)}
    return values | {"stamp": stamp.sec * 10**9 + stamp.nanosec, "frame_id": header.frame_id}


def keep(messages: list[Any], folder: pathlib.Path) -> None:
    """Bitstreams as numbered files, the rest as JSON."""
    folder.mkdir(parents=True)
    for index, message in enumerate(messages):
        (folder / f"{index:03d}").write_bytes(bytes(message.data))
    (folder / "fields.json").write_text(json.dumps([fields(message) for message in messages]))


def main(frames: str, out: str, image: str, transport: str, late: int) -> None:
    rclpy.init()
    node = rclpy.create_node("viewer")
    heard: dict[str, list[Any]] = {"video": [], "bits": [], "late": []}
    video = f"{image}/{transport}"
    node.create_subscription(TYPES[transport], video, heard["video"].append, QOS)
    node.create_subscription(CompressedImage, f"{image}/embodiedcomp", heard["bits"].append, QOS)
    camera = node.create_publisher(type(frame_to_image(np.zeros((2, 2, 3), np.uint8), "rgb8")), image, QOS)
    wait(node, lambda: camera.get_subscription_count() and node.count_publishers(video))

    def show(index: int, frame: np.ndarray) -> None:
        message = frame_to_image(frame, "bgr8")
        message.header.frame_id = "lens"
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(index * 10**8, 10**9)
        camera.publish(message)

    pictures = np.load(frames)["frames"]
    for attempt in range(100):
        if heard["video"] and heard["bits"]:
            break
        show(attempt, pictures[0])
        spin_until(node, lambda: heard["video"] and heard["bits"], 0.2)
    for index, frame in enumerate(pictures):
        if index == late:
            other = rclpy.create_node("late_viewer")
            other.create_subscription(TYPES[transport], video, heard["late"].append, QOS)
            wait(node, lambda: node.count_subscribers(video) == 2)
        show(1000 + index, frame)
        wait(node, lambda number=1000 + index: fields(heard["video"][-1])["stamp"] == number * 10**8)
        if heard["late"]:
            wait(other, lambda number=1000 + index: fields(heard["late"][-1])["stamp"] == number * 10**8)
        elif index >= late:
            spin_until(other, lambda: heard["late"], 0.5)
    wait(node, lambda: fields(heard["bits"][-1])["stamp"] == fields(heard["video"][-1])["stamp"])
    for name, messages in heard.items():
        keep(messages, pathlib.Path(out) / name)
    print("kept")


def wait(node: Any, condition: Any) -> None:
    if not spin_until(node, condition, 30.0):
        raise TimeoutError("nothing came within 30 s")


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
