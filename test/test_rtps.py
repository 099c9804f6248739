"""A capture that is still being written, or lost the end of a datagram, is read as far as it goes."""

from __future__ import annotations

import struct
from pathlib import Path

from rtps import DATA, ENDPOINT_GUID, SENT_WRITER, SENTINEL, TOPIC_NAME, WITH_DATA, crossed

ROBOT = "10.0.0.2"
PREFIX, WRITER = bytes(range(12)), bytes.fromhex("00001203")
TOPIC = b"rt/joint_states\0"
LITTLE_ENDIAN = 1


def parameter(name: int, value: bytes) -> bytes:
    return struct.pack("<HH", name, len(value)) + value


def sample(writer: bytes, data: bytes) -> bytes:
    """One RTPS message with one DATA submessage."""
    body = struct.pack("<HH", 0, 16) + bytes(4) + writer + bytes(8) + data
    head = struct.pack("<BBH", DATA, LITTLE_ENDIAN | WITH_DATA, len(body))
    return b"RTPS" + bytes(4) + PREFIX + head + body


def record(payload: bytes) -> bytes:
    """A pcap record of one UDP datagram in an Ethernet frame."""
    udp = struct.pack(">HHHH", 7400, 7400, 8 + len(payload), 0) + payload
    source = bytes(map(int, ROBOT.split(".")))
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, source, bytes(4)) + udp
    frame = bytes(12) + b"\x08\x00" + ip
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


NAME = struct.pack("<I", len(TOPIC)) + TOPIC
ANNOUNCED = (
    b"\0\3\0\0" + parameter(ENDPOINT_GUID, PREFIX + WRITER) + parameter(TOPIC_NAME, NAME) + parameter(SENTINEL, b"")
)


def test_the_topic_of_a_sample_is_found_and_a_capture_may_end_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "link.pcap"
    whole = bytes(24) + record(sample(SENT_WRITER, ANNOUNCED)) + record(sample(WRITER, b"\0\1\0\0"))
    path.write_bytes(whole)
    assert crossed(path)[ROBOT].topics == {"/joint_states": 1}
    for size in range(24, len(whole)):
        path.write_bytes(whole[:size])
        assert all(not one.topics for one in crossed(path).values())


def test_a_datagram_whose_end_is_missing_announces_nothing_or_all(tmp_path: Path) -> None:
    path = tmp_path / "link.pcap"
    for size in range(len(ANNOUNCED)):
        path.write_bytes(
            bytes(24) + record(sample(SENT_WRITER, ANNOUNCED[:size])) + record(sample(WRITER, b"\0\1\0\0"))
        )
        found = crossed(path)[ROBOT]
        assert found.topics.total() + found.unknown.total() == 1
