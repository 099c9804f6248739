"""How many bytes a ``CompressedImage`` costs on the wire: CDR, RTPS, UDP and IP headers, fragments. Pure, exact.

Fast DDS 3 over UDPv4, one best-effort reader (the QoS of a live stack), plain CDR, 1500-byte MTU, discovery excluded.
Ethernet frames are not counted. A reliable reader adds nothing per frame: its acknowledgements (152 bytes) answer the
writer's heartbeats (32 bytes), which come every 3 s and when a message fills the writer's buffer, whatever the payload.
``test/capture_wire.py`` makes the captures that the test compares with.
"""

from __future__ import annotations

IP_HEADER = 20
UDP_HEADER = 8
RTPS_HEADER = 20
INFO_DESTINATION = 16  # submessage, first packet of a message only
INFO_TIMESTAMP = 12  # submessage
DATA_HEADER = 24  # submessage header, flags, reader and writer id, sequence number
DATA_FRAG_HEADER = 36  # the same, with fragment number, count, size and the sample's size
STATISTICS = 60  # eProsima's submessage 0x80, which Fast DDS 3 appends to every packet
RTPS_FRAGMENT = 65324  # payload of one DATA_FRAG: Fast DDS's share of the largest UDP datagram
MTU = 1500


def cdr_size(frame_id: str, image_format: str, payload: int) -> int:
    """Bytes of the serialised message: encapsulation, stamp, two strings (with their NUL), a byte sequence, padding."""
    size = 8  # stamp
    for text in (frame_id, image_format):
        size = _aligned(size) + 4 + len(text.encode()) + 1
    size = _aligned(size) + 4 + payload
    return 4 + _aligned(size)


def wire_size(frame_id: str, image_format: str, payload: int, mtu: int = MTU) -> int:
    """Bytes of all IP packets that carry one message with ``payload`` bytes of data, IP headers included."""
    return _packets(cdr_size(frame_id, image_format, payload), mtu)


def bundle_wire_size(size: int, mtu: int = MTU) -> int:
    """The same of one ``embodiedcomp_msgs/Bundle`` of ``size`` bytes: a byte sequence and nothing else."""
    return _packets(4 + _aligned(4 + size), mtu)


def _packets(sample: int, mtu: int) -> int:
    """Bytes of all IP packets of a serialised message of ``sample`` bytes."""
    common = UDP_HEADER + RTPS_HEADER + INFO_TIMESTAMP + STATISTICS
    if sample <= RTPS_FRAGMENT:
        return _ip_size(common + INFO_DESTINATION + DATA_HEADER + sample, mtu)
    total = 0
    for start in range(0, sample, RTPS_FRAGMENT):
        piece = min(RTPS_FRAGMENT, sample - start)
        total += _ip_size(common + (INFO_DESTINATION if start == 0 else 0) + DATA_FRAG_HEADER + piece, mtu)
    return total


def _ip_size(datagram: int, mtu: int) -> int:
    """Bytes of the IP packets of one datagram (UDP header included): fragments carry a multiple of 8 bytes."""
    if datagram + IP_HEADER <= mtu:
        return datagram + IP_HEADER
    share = (mtu - IP_HEADER) // 8 * 8
    return datagram + IP_HEADER * -(-datagram // share)


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
