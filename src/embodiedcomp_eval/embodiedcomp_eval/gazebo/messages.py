"""Gazebo's messages, as the command line prints them, into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodiedcomp_eval.gazebo.text_format import Message, several

RGB = {"RGB_INT8", 3}
"""How the command line may call the pixel format that the bridge turns into rgb8."""


@dataclass(frozen=True)
class Picture:
    """stamp_ns: simulated time. pixels: ``(H, W, 3) uint8``. frame: name of the camera's frame."""

    stamp_ns: int
    pixels: npt.NDArray[np.uint8]
    frame: str


def stamp_ns(message: Mapping[str, Any]) -> int:
    """The header's stamp, ns."""
    stamp = message.get("header", {}).get("stamp", {})
    return int(stamp.get("sec", 0)) * 1_000_000_000 + int(stamp.get("nsec", 0))


def joint_positions(message: Message, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """``(J,)`` rad in the order of ``names``. Raises KeyError for a joint that the message lacks."""
    found = {
        _text(joint["name"]): float(joint.get("axis1", {}).get("position", 0.0)) for joint in several(message, "joint")
    }
    return np.array([found[name] for name in names])


def position(message: Message) -> npt.NDArray[np.float64]:
    """``(3,)`` m of a pose; numbers that are 0 are left out of a message."""
    place = message.get("position", {})
    return np.array([float(place.get(axis, 0.0)) for axis in "xyz"])


def orientation(message: Message) -> npt.NDArray[np.float64]:
    """``(4,)`` quaternion (w, x, y, z) of a pose."""
    turn = message.get("orientation", {})
    return np.array([float(turn.get(axis, 0.0)) for axis in "wxyz"])


def picture(message: Message) -> Picture:
    """An image. Raises ValueError for another pixel format, or for data of another size."""
    width, height = int(message.get("width", 0)), int(message.get("height", 0))
    kind = message.get("pixel_format_type")
    if kind not in RGB:
        raise ValueError(f"pixel format {kind} is not RGB_INT8")
    data = message.get("data", b"")
    if len(data) != width * height * 3:
        raise ValueError(f"{len(data)} bytes are no {width}x{height} picture")
    pixels = np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)
    frame = ""
    for entry in several(message.get("header", {}), "data"):
        if _text(entry.get("key", b"")) == "frame_id":
            frame = _text(entry.get("value", b""))
    return Picture(stamp_ns(message), pixels, frame)


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
