"""What both ends of a thin envelope remember from one instant to the next, so that the next is coded as a small difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embodiedcomp_codec.packet import SEQUENCE_MODULUS, Header, pack, unpack
from embodiedcomp_codec.packet_model import MAX_BYTES, PacketModel
from embodiedcomp_codec.range_coder import Coder, Model, RangeError, UintModel, code_int

ANY_SIZE = 1 << 32
"""Pixels: the stream that decodes a packet holds its own limit."""
_HEADER_BYTES = 2  # of a packet that is no key frame
_FAR = 1 << 60  # ns


@dataclass(frozen=True)
class Part:
    """One camera's packet (header and bitstream) with the stamp of its frame in ns."""

    packet: bytes
    stamp_ns: int


@dataclass(frozen=True)
class Joints:
    """A joint state: rad or m, and per s, N or N m; any of the three may be empty. Travels as 32-bit floats."""

    stamp_ns: int
    position: tuple[float, ...] = ()
    velocity: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many values of each."""
        return len(self.position), len(self.velocity), len(self.effort)

    def values(self) -> npt.NDArray[np.float32]:
        """All values in a row."""
        with np.errstate(over="ignore"):  # beyond 32 bits is infinite
            return np.array([*self.position, *self.velocity, *self.effort], dtype=np.float32)

    @staticmethod
    def of(stamp_ns: int, counts: tuple[int, int, int], values: npt.NDArray[np.float32]) -> Joints:
        """The inverse of ``values``."""
        row = [float(value) for value in values]
        first, second = counts[0], counts[0] + counts[1]
        return Joints(stamp_ns, tuple(row[:first]), tuple(row[first:second]), tuple(row[second:]))


@dataclass(frozen=True)
class Bundle:
    """One instant: of each camera its part, or None. joints: the joint state that was newest then, if it was asked for."""

    parts: tuple[Part | None, ...]
    joints: Joints | None = None

    @property
    def stamp_ns(self) -> int:
        """Of the first frame."""
        return next(part.stamp_ns for part in self.parts if part is not None)


class _Camera:
    def __init__(self) -> None:
        self.there = Model()
        self.packets = PacketModel()
        self.offset_ns = 0
        self.header = b""  # what the next packet must begin with; empty: unknown

    def follow(self, part: Part, base_ns: int) -> None:
        """Remember what a packet says of the next one."""
        head, _ = unpack(part.packet, ANY_SIZE)
        self.header = pack(Header((head.sequence + 1) % SEQUENCE_MODULUS, head.downsample, None, head.rolling))
        self.offset_ns = part.stamp_ns - base_ns


class ContinuedState:
    """Starts anew with a description; ``code`` goes on from there, the same way at both ends."""

    def __init__(self, cameras: int) -> None:
        self._cameras = [_Camera() for _ in range(cameras)]
        self._pace, self._offset, self._joint_offset = UintModel(), UintModel(), UintModel()
        self._joints_there, self._joint_values = Model(), UintModel()
        self._stamp_ns = self._interval_ns = self._joint_offset_ns = 0
        self._joints: Joints | None = None
        self._known = False

    @property
    def interval_ns(self) -> int:
        """Between the last two instants; 0 where there is only one."""
        return self._interval_ns

    def continues(self, bundle: Bundle) -> bool:
        """Whether ``code`` can write it: small packets, each right after the last, and a joint state of the same shape."""
        if not self._known or len(bundle.parts) != len(self._cameras):
            return False
        stamps = [part.stamp_ns for part in bundle.parts if part is not None]
        if bundle.joints is not None:
            if self._joints is None or bundle.joints.counts != self._joints.counts:
                return False
            stamps.append(bundle.joints.stamp_ns)
        if max(abs(stamp - self._stamp_ns) for stamp in stamps) >= _FAR:
            return False
        return all(
            part is None
            or (camera.header == part.packet[:_HEADER_BYTES] and len(part.packet) <= MAX_BYTES + _HEADER_BYTES)
            for camera, part in zip(self._cameras, bundle.parts)
        )

    def follow(self, bundle: Bundle) -> None:
        """Remember a bundle that travelled whole."""
        base = bundle.stamp_ns
        for camera, part in zip(self._cameras, bundle.parts):
            if part is not None:
                camera.follow(part, base)
        self._remember(base, bundle.joints)

    def code(self, coder: Coder, bundle: Bundle | None) -> Bundle:
        """Write ``bundle``, for which ``continues`` holds, or read one where it is None. Raises RangeError, ValueError."""
        given = bundle or Bundle(tuple(Part(b"", 0) for _ in self._cameras), None)
        there = [coder.bit(camera.there, int(part is not None)) for camera, part in zip(self._cameras, given.parts)]
        if not any(there):
            raise RangeError("a bundle of no camera")
        expected = self._stamp_ns + self._interval_ns
        base = expected + code_int(coder, self._pace, given.stamp_ns - expected if bundle else 0)
        parts: list[Part | None] = []
        for camera, present, part in zip(self._cameras, there, given.parts):
            if not present:
                parts.append(None)
                continue
            assert part is not None, "a writer writes what is there"
            if not camera.header:
                raise RangeError("a small packet of a camera that was not heard of")
            moved = code_int(coder, self._offset, part.stamp_ns - base - camera.offset_ns if bundle else 0)
            data = camera.packets.code(coder, part.packet[_HEADER_BYTES:])
            found = Part(camera.header + data, base + camera.offset_ns + moved)
            camera.follow(found, base)
            parts.append(found)
        joints = self._code_joints(coder, given.joints, base, bundle is not None)
        self._remember(base, joints)
        return Bundle(tuple(parts), joints)

    def _code_joints(self, coder: Coder, given: Joints | None, base: int, writing: bool) -> Joints | None:
        if not coder.bit(self._joints_there, int(given is not None)):
            return None
        last = self._joints
        if last is None:
            raise RangeError("a joint state that was not described")
        given = given or last
        moved = code_int(coder, self._joint_offset, given.stamp_ns - base - self._joint_offset_ns if writing else 0)
        before = last.values().view(np.int32).tolist()
        now = given.values().view(np.int32).tolist()
        found = [old + code_int(coder, self._joint_values, new - old) for old, new in zip(before, now)]
        if any(not -(1 << 31) <= value < 1 << 31 for value in found):
            raise RangeError("a joint value beyond 32 bits")
        values = np.array(found, dtype=np.int32).view(np.float32)
        return Joints.of(base + self._joint_offset_ns + moved, last.counts, values)

    def _remember(self, base: int, joints: Joints | None) -> None:
        self._interval_ns = base - self._stamp_ns if self._known else 0
        self._stamp_ns, self._known = base, True
        if joints is not None:
            self._joints = replace(joints)
            self._joint_offset_ns = joints.stamp_ns - base
