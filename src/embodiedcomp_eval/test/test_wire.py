"""The wire model against real captures (one UDPv4 reader, MTU 1500), message by message."""

from __future__ import annotations

import json
from pathlib import Path

import dpkt
import pytest

from embodiedcomp_eval.wire import bundle_wire_size, cdr_size, wire_size

FIXTURES = Path(__file__).resolve().parents[3] / "test" / "fixtures"
DATA, DATA_FRAG = 0x15, 0x16
USER_WRITER = 0x03  # last byte of an entity id: a writer without key, not a built-in one


def captured(path: Path) -> list[int]:
    """IP bytes of each message: the packets of a datagram share an IP id, the datagrams of a message its number."""
    packet_bytes: dict[int, int] = {}
    datagrams: dict[bytes, list[int]] = {}
    with open(path, "rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, dpkt.ip.IP):
                continue
            packet_bytes[ip.id] = packet_bytes.get(ip.id, 0) + ip.len
            if isinstance(ip.data, dpkt.udp.UDP) and bytes(ip.data.data[:4]) == b"RTPS":
                message, place = bytes(ip.data.data), 20
                while place + 24 <= len(message):
                    if message[place] in (DATA, DATA_FRAG) and message[place + 15] == USER_WRITER:
                        datagrams.setdefault(message[place + 16 : place + 24], []).append(ip.id)
                    place += 4 + int.from_bytes(message[place + 2 : place + 4], "little")
    return [sum(packet_bytes[number] for number in numbers) for numbers in datagrams.values()]


@pytest.mark.parametrize("name", ["wire_best_effort", "wire_reliable"])
def test_model_agrees_with_a_capture(name: str) -> None:
    sent = json.loads((FIXTURES / f"{name}.json").read_text())
    measured = captured(FIXTURES / f"{name}.pcap")
    modelled = [wire_size(sent["frame_id"], sent["format"], size) for size in sent["sizes"]]
    assert len(measured) == len(modelled)
    for size, real, model in zip(sent["sizes"], measured, modelled, strict=True):
        assert model == pytest.approx(real, rel=0.02), f"{size} bytes of payload"


def test_best_effort_is_exact() -> None:
    sent = json.loads((FIXTURES / "wire_best_effort.json").read_text())
    assert captured(FIXTURES / "wire_best_effort.pcap") == [
        wire_size(sent["frame_id"], sent["format"], size) for size in sent["sizes"]
    ]


def test_a_bundle_is_exact() -> None:
    sent = json.loads((FIXTURES / "wire_bundle.json").read_text())
    assert captured(FIXTURES / "wire_bundle.pcap") == [bundle_wire_size(size) for size in sent["sizes"]]


@pytest.mark.parametrize("payload", [0, 1, 7, 100])
def test_serialised_size(payload: int) -> None:
    # 4 encapsulation + 8 stamp + (4 + 2) "c" padded to 8 + (4 + 5) "jpeg" padded to 12 + 4 length + payload, padded
    assert cdr_size("c", "jpeg", payload) == 36 + -(-payload // 4) * 4


def test_an_ip_packet_never_exceeds_the_mtu() -> None:
    one = [size for size in range(1200, 1500) if wire_size("c", "jpeg", size) <= 1500]
    assert one == list(range(1200, one[-1] + 1))
    assert wire_size("c", "jpeg", one[-1] + 1) >= 1500 + 20
