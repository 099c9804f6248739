"""The thin envelope: what all cameras gave at one instant, and the joint state, in one message of a few bytes more.

The first byte of a bundle has its kind (2 bits) and its number (6 bits):

- *described* says all that a late joiner needs (frame ids, encodings, joint names) and holds whole packets. All starts anew.
- *standalone* holds whole packets and a whole stamp. It needs only some earlier description, named by one byte of its check sum.
- *continued* holds small packets, coded after those of the bundle before, and is read only right after that bundle.

Everything here is pure, and sizes are checked before anything is allocated for them. ``docs/decisions/0023-thin-envelope.md``.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from embodiedcomp_codec.bundle_state import ANY_SIZE, Bundle, ContinuedState, Joints, Part
from embodiedcomp_codec.packet import unpack
from embodiedcomp_codec.range_coder import RangeDecoder, RangeEncoder, unzigzag, zigzag

MAX_CAMERAS = 16
MODULUS = 64
CONTINUED, STANDALONE, DESCRIBED = 0, 1, 2
DESCRIBE_EVERY = 32  # bundles, of streams whose frames all decode alone
SECOND = 1_000_000_000
SILENCE = MODULUS // 2  # intervals: after a longer silence the count may have gone round unseen


class BundleError(ValueError):
    """Bytes that are no bundle, or an instant that fits none."""


@dataclass(frozen=True)
class Setup:
    """What hardly ever changes: of each camera ``(frame_id, encoding)``; of the joints their names and frame_id."""

    cameras: tuple[tuple[str, str], ...]
    joint_names: tuple[str, ...] = ()
    joint_frame: str = ""

    def pack(self) -> bytes:
        """Raises BundleError beyond 16 cameras, 255 joints, 255 bytes a text."""
        if not 1 <= len(self.cameras) <= MAX_CAMERAS or len(self.joint_names) > 255:
            raise BundleError(f"{len(self.cameras)} cameras and {len(self.joint_names)} joints do not fit a bundle")
        texts = [text for camera in self.cameras for text in camera] + [self.joint_frame, *self.joint_names]
        packed = [text.encode() for text in texts]
        if any(len(text) > 255 for text in packed):
            raise BundleError("a frame_id, encoding or joint name of more than 255 bytes does not fit a bundle")
        return bytes([len(self.cameras), len(self.joint_names)]) + b"".join(bytes([len(t)]) + t for t in packed)


@dataclass(frozen=True)
class ReceivedBundle:
    """What one message gave. need_key: nothing can be read until the sender describes itself again."""

    bundle: Bundle | None
    setup: Setup | None
    need_key: bool
    reason: str


class BundleWriter:
    """Packs instants into messages, in order."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As constructed: the next bundle describes itself."""
        self._sequence = self._since = 0
        self._asked = True
        self._setup: Setup | None = None
        self._state = ContinuedState(0)

    def request(self) -> None:
        """Make the next bundle describe itself."""
        self._asked = True

    def write(self, bundle: Bundle, setup: Setup) -> bytes:
        """One message. Raises BundleError on an instant that fits none; then nothing has changed."""
        if len(bundle.parts) != len(setup.cameras) or not any(bundle.parts):
            raise BundleError(f"{len(bundle.parts)} parts of {len(setup.cameras)} cameras make no bundle")
        description = setup.pack()
        heads = [unpack(part.packet, ANY_SIZE)[0] for part in bundle.parts if part is not None]
        starts = any(head.key and head.info is not None and head.info.mode == "inter" for head in heads)
        alone = all(head.key for head in heads)
        if self._asked or starts or setup != self._setup or (alone and self._since >= DESCRIBE_EVERY):
            kind, body = DESCRIBED, description + _pack_whole(bundle)
            self._state, self._setup = ContinuedState(len(bundle.parts)), setup
            self._asked, self._since = False, 0
            self._state.follow(bundle)
        elif self._state.continues(bundle):
            coder = RangeEncoder()
            self._state.code(coder, bundle)
            kind, body = CONTINUED, coder.finish()
        else:
            kind, body = STANDALONE, _identity(description) + _pack_whole(bundle)
            self._state.follow(bundle)
        self._since += 1
        message = bytes([kind << 6 | self._sequence]) + body
        self._sequence = (self._sequence + 1) % MODULUS
        return message


class BundleReader:
    """Reads them. Never raises on bad bytes, but says why there is nothing."""

    def __init__(self, cameras: int) -> None:
        self._cameras = cameras
        self.reset()

    def reset(self) -> None:
        """As constructed: waiting for a description."""
        self._setup: Setup | None = None
        self._identity = b""
        self._state: ContinuedState | None = None
        self._sequence = 0
        self._heard_ns: int | None = None

    def read(self, message: bytes, heard_ns: int | None = None) -> ReceivedBundle:
        """One message. heard_ns: when it came, on a steady clock, where messages can be lost."""
        if not message or message[0] >> 6 > DESCRIBED:
            return self._nothing(f"corrupt: a bundle of {len(message)} bytes of no known kind")
        kind, sequence = message[0] >> 6, message[0] % MODULUS
        lost = sequence != self._sequence or self._silent(heard_ns)
        self._sequence, self._heard_ns = (sequence + 1) % MODULUS, heard_ns
        if lost:
            self._state = None
        try:
            if kind == CONTINUED:
                return self._continued(message[1:])
            return self._whole(_Cursor(message[1:]), kind == DESCRIBED)
        except ValueError as error:
            return self._nothing(f"corrupt: {error}")

    def _continued(self, body: bytes) -> ReceivedBundle:
        if self._setup is None:
            return self._nothing("late join: waiting for a description")
        if self._state is None:
            return self._nothing("gap: a bundle was lost")
        coder = RangeDecoder(body)
        bundle = self._state.code(coder, None)
        coder.finish()
        _check_stamps(bundle)
        return ReceivedBundle(bundle, self._setup, False, "")

    def _whole(self, cursor: _Cursor, described: bool) -> ReceivedBundle:
        if described:
            start = cursor.at
            setup = cursor.setup()
            if len(setup.cameras) != self._cameras:
                raise BundleError(f"a bundle of {len(setup.cameras)} cameras, not {self._cameras}")
            self._setup, self._identity = setup, _identity(cursor.data[start : cursor.at])
            self._state = ContinuedState(self._cameras)
        elif cursor.take(1) != self._identity or self._setup is None:
            self._state = None
            return self._nothing("late join: waiting for a description")
        bundle = cursor.bundle(self._cameras)
        _check_stamps(bundle)
        if self._state is not None:
            self._state.follow(bundle)
        return ReceivedBundle(bundle, self._setup, False, "")

    def _silent(self, heard_ns: int | None) -> bool:
        if heard_ns is None or self._heard_ns is None or self._state is None:
            return False
        return self._state.interval_ns > 0 and heard_ns - self._heard_ns > SILENCE * self._state.interval_ns

    def _nothing(self, reason: str) -> ReceivedBundle:
        self._state = None
        return ReceivedBundle(None, self._setup, True, reason)


def _check_stamps(bundle: Bundle) -> None:
    """Seconds of a stamp are 32 bits."""
    stamps = [part.stamp_ns for part in bundle.parts if part is not None]
    for stamp_ns in stamps if bundle.joints is None else [*stamps, bundle.joints.stamp_ns]:
        if not -(1 << 31) <= stamp_ns // SECOND < 1 << 31:
            raise BundleError(f"a stamp of {stamp_ns} ns")


def _identity(description: bytes) -> bytes:
    return bytes([zlib.crc32(description) & 255])


def _pack_whole(bundle: Bundle) -> bytes:
    base = bundle.stamp_ns
    mask = sum(1 << index for index, part in enumerate(bundle.parts) if part is not None)
    out = [struct.pack(">qH", base, mask)]
    for part in bundle.parts:
        if part is not None:
            out += [_varint(zigzag(part.stamp_ns - base)), _varint(len(part.packet)), part.packet]
    joints = bundle.joints
    out.append(bytes([joints is not None]))
    if joints is not None:
        if max(joints.counts) > 255:
            raise BundleError(f"a joint state of {max(joints.counts)} joints does not fit a bundle")
        out += [_varint(zigzag(joints.stamp_ns - base)), bytes(joints.counts), joints.values().astype(">f4").tobytes()]
    return b"".join(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class _Cursor:
    """Reads fields one after the other, never beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise BundleError(f"a bundle that ends {count - len(self.data) + self.at} bytes too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise BundleError("a number of more than 10 bytes")

    def text(self) -> str:
        return self.take(self.take(1)[0]).decode()

    def setup(self) -> Setup:
        cameras, joints = self.take(2)
        if not 1 <= cameras <= MAX_CAMERAS:
            raise BundleError(f"a bundle of {cameras} cameras")
        described = tuple((self.text(), self.text()) for _ in range(cameras))
        frame = self.text()
        return Setup(described, tuple(self.text() for _ in range(joints)), frame)

    def bundle(self, cameras: int) -> Bundle:
        base, mask = struct.unpack(">qH", self.take(10))
        if not 0 < mask < 1 << cameras:
            raise BundleError(f"a bundle of cameras {mask:#x} where there are {cameras}")
        parts: list[Part | None] = []
        for index in range(cameras):
            if mask >> index & 1:
                stamp = base + unzigzag(self.varint())
                packet = self.take(self.varint())
                unpack(packet, ANY_SIZE)  # refused here rather than by whoever follows it
                parts.append(Part(packet, stamp))
            else:
                parts.append(None)
        joints = None
        if self.take(1) != b"\0":
            stamp = base + unzigzag(self.varint())
            first, second, third = self.take(3)
            values = np.frombuffer(self.take(4 * (first + second + third)), dtype=">f4").astype(np.float32)
            joints = Joints.of(stamp, (first, second, third), values)
        if self.at != len(self.data):
            raise BundleError(f"a bundle with {len(self.data) - self.at} bytes too many")
        return Bundle(tuple(parts), joints)
