"""A switch between two network interfaces, in a process: no multicast, a rate if asked for, and all that crosses in a file.

    python test/switch.py PORT_A PORT_B CAPTURE.pcap [BITS_PER_SECOND]

Kernels without bridges, filters and netem have packet sockets all the same. Run it as root in a network namespace that holds
one end of a veth pair to either host.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path

from embodiedcomp_codec.link_model import Link, LinkConfig

ALL_PROTOCOLS = 3
IPV4, UDP, ETHERNET = b"\x08\x00", 17, 14
MULTICAST = bytes.fromhex("01005e")
"""How the Ethernet address of every IPv4 multicast group begins."""
QUEUE = 65536
"""Bytes that may wait for a slow link."""
PATIENCE = 0.2
"""s between looks whether the end has come."""


def without_checksum(frame: bytes) -> bytes:
    """A veth leaves checksums to hardware that isn't there; 0 says that a UDP packet bears none."""
    header = ETHERNET + 4 * (frame[ETHERNET] & 15)
    fragment = int.from_bytes(frame[ETHERNET + 6 : ETHERNET + 8], "big") & 0x1FFF
    if frame[12:14] != IPV4 or frame[ETHERNET + 9] != UDP or fragment:
        return frame
    return frame[: header + 6] + b"\0\0" + frame[header + 8 :]


def main(names: list[str], capture: Path, rate: float) -> None:
    ports = []
    for name in names:
        port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        port.bind((name, 0))
        ports.append(port)
    links = [Link(LinkConfig(rate=rate, queue=QUEUE)) for _ in ports]
    waiting: list[tuple[int, int, int, bytes]] = []
    number, refused, running = 0, 0, True

    def stop(*_: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with open(capture, "wb", buffering=0) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        print("switching", flush=True)
        while running:
            now = time.monotonic_ns()
            while waiting and waiting[0][0] <= now:
                _, _, side, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # that port is down
                    ports[1 - side].send(frame)
            patience = min((waiting[0][0] - now) * 1e-9, PATIENCE) if waiting else PATIENCE
            for port in select.select(ports, [], [], patience)[0]:
                try:
                    frame, address = port.recvfrom(65535)
                except OSError:
                    continue  # it went down
                side = ports.index(port)
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                if frame.startswith(MULTICAST):
                    refused += 1
                    continue
                arrival = links[side].offer(time.monotonic_ns(), len(frame))
                if arrival is None:
                    continue
                number += 1
                heapq.heappush(waiting, (arrival, number, side, without_checksum(frame)))
                seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
                file.write(struct.pack("<IIII", seconds, nanoseconds // 1000, len(frame), len(frame)) + frame)
    print(f"{refused} multicast frames refused", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:3], Path(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else math.inf)
