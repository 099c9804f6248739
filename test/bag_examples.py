"""Bags for tests: two small cameras that see a moving square, and a joint that moves with it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from embodiedcomp_eval.bags.types import Types
from embodiedcomp_eval.bags.writer import BagWriter

SECOND = 1_000_000_000
PERIOD = 100_000_000
START = 1_700_000_000 * SECOND
JOINTS = (
    "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
    "robotiq_85_left_knuckle_joint",
)  # fmt: skip
CAMERAS = ("base_camera", "wrist_camera")
TYPES = Types()


def picture(index: int, height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    """A gradient with a square that moves by 2 px a frame."""
    rows = np.linspace(0, 120, height)[:, None, None]
    image = np.broadcast_to(rows, (height, width, 3)).astype(np.uint8).copy()
    at = 2 * index % (width - 16)
    image[8:24, at : at + 16] = (250, 40, 90)
    return image


def make(msgtype: str, **fields: Any) -> Any:
    return TYPES.message(msgtype)(**fields)


def header(stamp_ns: int, frame_id: str = "") -> Any:
    stamp = make("builtin_interfaces/msg/Time", sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    return make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def image(stamp_ns: int, pixels: npt.NDArray[np.uint8], encoding: str = "rgb8", padding: int = 0) -> Any:
    height, width, channels = pixels.shape
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)))
    return make(
        "sensor_msgs/msg/Image", header=header(stamp_ns, "lens"), height=height, width=width, encoding=encoding,
        is_bigendian=0, step=width * channels + padding, data=rows.reshape(-1),
    )  # fmt: skip


def compressed(stamp_ns: int, data: bytes, form: str) -> Any:
    bits = np.frombuffer(data, dtype=np.uint8)
    return make("sensor_msgs/msg/CompressedImage", header=header(stamp_ns, "lens"), format=form, data=bits)


def still(pixels: npt.NDArray[np.uint8], kind: str) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, kind)
    return file.getvalue()


def joint_state(stamp_ns: int, first: float) -> Any:
    positions = np.zeros(7)
    positions[0] = first
    return make(
        "sensor_msgs/msg/JointState", header=header(stamp_ns), name=list(JOINTS), position=positions,
        velocity=np.zeros(0), effort=np.zeros(0),
    )  # fmt: skip


def put(writer: BagWriter, topic: str, log_ns: int, message: Any) -> None:
    msgtype = type(message).__msgtype__
    writer.add_topic(topic, msgtype, TYPES.store)
    writer.write(topic, log_ns, TYPES.serialize(message, msgtype))


def write_bag(
    path: Path, frames: int = 20, storage: str = "mcap", stamps: list[int] | None = None, **options: Any
) -> Path:
    """Both cameras raw at 10 Hz with joint states; ``stamps`` (ns) instead of a clock that runs on."""
    with BagWriter(path, storage, **options) as writer:
        for index in range(frames):
            log_ns = START + index * PERIOD
            stamp_ns = log_ns if stamps is None else stamps[index]
            put(writer, "/joint_states", log_ns, joint_state(stamp_ns, 0.01 * index))
            for camera in CAMERAS:
                put(writer, f"/{camera}/image_raw", log_ns + 1000, image(stamp_ns, picture(index)))
    return path
