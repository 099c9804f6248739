"""The rival ``oracle-pose``: the object's class and pose in 8 bytes, drawn at the decoder. Ground truth: in process only.

It shows how few bits the task needs if perception is free. The first camera's packet holds the 8 bytes, the others' are
empty; the robot's own joints are drawn from the state that every policy gets uncompressed beside the pictures. Table and
wall are not sent: the decoder draws its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, ReceivedFrame, SentFrame
from embodiedcomp_eval.scene import OBJECTS
from embodiedcomp_eval.simulator import JointState, Pose, Simulator

NAME = "oracle-pose"
PACKET_BYTES = 8
RANGES = ((-1.2, 1.2), (-1.2, 1.2), (-0.3, 0.9))
"""m, robot's base frame: x, y, z are sent in 12 bits each."""
_COMPONENT_BITS = 7
_LARGEST = 2**-0.5

Images = dict[str, npt.NDArray[np.uint8]]


@runtime_checkable
class Drawing(Protocol):
    """A simulator that can also draw any state, without touching the episode it is in."""

    def draw(self, kind: str, positions: npt.NDArray[np.float64], pose: Pose) -> Images:
        """Every camera's picture of the arm at ``positions (J,)`` rad and an object of that kind at ``pose``."""
        ...


def pack_pose(kind: str, pose: Pose) -> bytes:
    """Class (4 bits), position (3 x 12), orientation (largest component's index, the other three in 7 bits each)."""
    word = OBJECTS.index(kind)
    for value, (low, high) in zip(pose.position, RANGES, strict=True):
        word = word << 12 | _quantise((float(value) - low) / (high - low), 12)
    largest = int(np.argmax(np.abs(pose.orientation)))
    others = np.delete(pose.orientation, largest) * (1.0 if pose.orientation[largest] >= 0 else -1.0)
    word = word << 2 | largest
    for value in others:
        word = word << _COMPONENT_BITS | _quantise(float(value) / (2 * _LARGEST) + 0.5, _COMPONENT_BITS)
    return (word << 1).to_bytes(PACKET_BYTES, "big")


def unpack_pose(packet: bytes) -> tuple[str, Pose]:
    """Inverse of ``pack_pose``, up to 0.3 mm and 2.3 degrees (0.7 in the mean)."""
    word = int.from_bytes(packet, "big") >> 1
    others = np.zeros(3)
    for i in reversed(range(3)):
        others[i] = ((word & (1 << _COMPONENT_BITS) - 1) / ((1 << _COMPONENT_BITS) - 1) - 0.5) * 2 * _LARGEST
        word >>= _COMPONENT_BITS
    largest, word = word & 3, word >> 2
    position = np.zeros(3)
    for i in reversed(range(3)):
        low, high = RANGES[i]
        position[i] = low + (word & 4095) / 4095 * (high - low)
        word >>= 12
    orientation = np.insert(others, largest, np.sqrt(max(0.0, 1.0 - float(others @ others))))
    return OBJECTS[word], Pose(position, orientation / np.linalg.norm(orientation))


def _quantise(share: float, bits: int) -> int:
    top = (1 << bits) - 1
    return min(max(round(share * top), 0), top)


class OracleEncoder(EncoderStream):
    """Stands where a camera's encoder stands; looks at the simulator, not at the picture."""

    def __init__(self, describe: Callable[[], bytes]) -> None:
        """describe: the bytes to send now."""
        self._describe = describe
        self._sent = 0

    def reset(self) -> None:
        """Start counting again."""
        self._sent = 0

    def request_key(self) -> None:
        """Every packet decodes alone."""

    def encode(self, image: npt.NDArray[np.uint8], stamp_ns: int) -> SentFrame:
        """Send the truth."""
        self._sent += 1
        return SentFrame(self._describe(), True, self._sent - 1, 1.0, 8, False, False)


class OracleDecoder(DecoderStream):
    """Stands where a camera's decoder stands."""

    def __init__(self, camera: str, receive: Callable[[bytes], Images]) -> None:
        """receive: takes in a packet and returns every camera's picture."""
        self._camera, self._receive = camera, receive

    def reset(self) -> None:
        """Nothing is remembered."""

    def decode(self, packet: bytes) -> ReceivedFrame:
        """The drawn picture of this camera."""
        return ReceivedFrame(self._receive(packet)[self._camera], True, 0, False, "")


class OracleChannel:
    """Both ends of the oracle, for all cameras of one loop."""

    def __init__(self, simulator: Simulator, kind: Callable[[], str]) -> None:
        """kind: which object this episode drew. Raises CodecError for a simulator that can't draw."""
        if not isinstance(simulator, Drawing):
            raise CodecError(f"codec {NAME!r} needs a simulator that can draw any scene; this task's can't")
        self._simulator: Any = simulator
        self._kind = kind
        self._pictures: Images = {}

    def streams(self, cameras: Sequence[str]) -> dict[str, tuple[EncoderStream, DecoderStream]]:
        """Encoder and decoder of each camera; the first one carries the bytes."""
        return {
            name: (OracleEncoder(self._describe if i == 0 else bytes), OracleDecoder(name, self._receive))
            for i, name in enumerate(cameras)
        }

    def _describe(self) -> bytes:
        return pack_pose(self._kind(), self._simulator.object_pose())

    def _receive(self, packet: bytes) -> Images:
        if packet:
            state: JointState = self._simulator.joint_state()
            kind, pose = unpack_pose(packet)
            self._pictures = self._simulator.draw(kind, state.positions, pose)
        return self._pictures
