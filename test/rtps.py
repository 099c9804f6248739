"""What a capture of Ethernet frames says about DDS: whose samples crossed a wire, and on which topics. Pure, RTPS 2.x."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PCAP_HEADER, RECORD_HEADER = 24, 16
ETHERNET, UDP_HEADER, RTPS_HEADER = 14, 8, 20
IPV4, UDP = b"\x08\x00", 17
DATA, DATA_FRAG = 0x15, 0x16
SENT_WRITER = bytes.fromhex("000003c2")
"""Entity id of the writer by which a participant announces its writers."""
GRAPH_WRITER = bytes.fromhex("00000103")
"""Of a ROS participant's first writer, ``ros_discovery_info``: which node has which ends."""
BUILTIN = 0xC0
"""Bits of an entity's kind: discovery's own."""
TOPIC_NAME, ENDPOINT_GUID, SENTINEL = 0x0005, 0x005A, 0x0001
INLINE_QOS, WITH_DATA = 0x02, 0x04


@dataclass(frozen=True)
class Datagram:
    """One UDP datagram. source: IPv4 address; size: bytes of its Ethernet frames."""

    source: str
    payload: bytes
    size: int


@dataclass
class Crossed:
    """From one source. topics: samples by topic; unknown: by the GUID of a writer that nobody announced."""

    bytes: int = 0
    topics: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)


def datagrams(path: Path) -> Iterator[Datagram]:
    """Of every record of a pcap file; IP fragments are put together, and of an incomplete datagram its begin counts."""
    parts: dict[bytes, dict[int, bytes]] = defaultdict(dict)
    sizes: Counter[bytes] = Counter()
    data, at = path.read_bytes(), PCAP_HEADER

    def taken(key: bytes) -> Datagram:
        pieces, whole = parts.pop(key), b""
        while len(whole) in pieces:
            whole += pieces[len(whole)]
        return Datagram(".".join(map(str, key[2:6])), whole[UDP_HEADER:], sizes.pop(key))

    while at + RECORD_HEADER <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frame, at = data[at + RECORD_HEADER : at + RECORD_HEADER + size], at + RECORD_HEADER + size
        if at > len(data):
            break  # it is being written just now
        if frame[12:14] != IPV4 or frame[ETHERNET + 9] != UDP:
            continue
        ip = frame[ETHERNET : ETHERNET + int.from_bytes(frame[ETHERNET + 2 : ETHERNET + 4], "big")]
        offset, more = 8 * (int.from_bytes(ip[6:8], "big") & 0x1FFF), ip[6] & 0x20
        key = ip[4:6] + ip[12:20]
        if offset == 0 and key in parts:
            yield taken(key)  # the number is in use again: what was missing never came
        parts[key][offset] = ip[4 * (ip[0] & 15) :]
        sizes[key] += len(frame)
        if not more:
            yield taken(key)
    for key in list(parts):
        yield taken(key)


def samples(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(writer's GUID, serialised data) of each sample in an RTPS message; of a fragmented one its first piece."""
    if not payload.startswith(b"RTPS"):
        return
    prefix, at = payload[8:RTPS_HEADER], RTPS_HEADER
    while at + 4 <= len(payload):
        kind, flags = payload[at], payload[at + 1]
        size = int.from_bytes(payload[at + 2 : at + 4], "little" if flags & 1 else "big") or len(payload) - at - 4
        body = payload[at + 4 : at + 4 + size]
        at += 4 + size
        if kind in (DATA, DATA_FRAG) and len(body) >= 20:
            begin = 4 + int.from_bytes(body[2:4], "little" if flags & 1 else "big")
            if flags & INLINE_QOS:
                begin += sum(4 + len(value) for _, value in parameters(body[begin:])) + 4
            yield prefix + body[8:12], body[begin:] if kind == DATA and flags & WITH_DATA else b""


def parameters(data: bytes) -> Iterator[tuple[int, bytes]]:
    """A parameter list, little-endian, up to its sentinel or to where a datagram lost its end."""
    at = 0
    while at + 4 <= len(data):
        name, size = struct.unpack_from("<HH", data, at)
        if name == SENTINEL or at + 4 + size > len(data):
            return
        yield name, data[at + 4 : at + 4 + size]
        at += 4 + size


def announced(data: bytes) -> tuple[bytes, str] | None:
    """GUID and topic of the writer that a sample of ``SENT_WRITER`` announces."""
    found = dict(parameters(data[4:]))  # after the encapsulation
    if ENDPOINT_GUID not in found or TOPIC_NAME not in found:
        return None
    length = struct.unpack_from("<I", found[TOPIC_NAME])[0]
    return found[ENDPOINT_GUID], found[TOPIC_NAME][4 : 3 + length].decode()


def crossed(path: Path) -> dict[str, Crossed]:
    """By source address: bytes, and samples by ROS name (``rt/x`` is ``/x``). Discovery counts in the bytes alone."""
    found: dict[str, Crossed] = defaultdict(Crossed)
    names: dict[bytes, str] = {}
    counted: dict[str, Counter[bytes]] = defaultdict(Counter)
    for datagram in datagrams(path):
        found[datagram.source].bytes += datagram.size
        for writer, data in samples(datagram.payload):
            if writer[12:] == SENT_WRITER and (one := announced(data)) is not None:
                names[one[0]] = one[1]
            if writer[15] & BUILTIN != BUILTIN and writer[12:] != GRAPH_WRITER:
                counted[datagram.source][writer] += 1
    for source, writers in counted.items():
        for writer, count in writers.items():
            if writer in names:
                found[source].topics[names[writer].removeprefix("rt")] += count
            else:
                found[source].unknown[writer.hex()] += count
    return dict(found)
