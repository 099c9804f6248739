"""Statistics and diagnostics of the codec nodes: messages assembled from counts, nothing measured here."""

from __future__ import annotations

import math
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from embodiedcomp_codec.packet import KeyInfo
from embodiedcomp_codec.statistics import Tally
from embodiedcomp_codec.stream import ReceivedFrame, SentFrame
from embodiedcomp_msgs.msg import CodecStats

NOT_SET = math.nan


def sent_stats(
    header: Header, camera: str, codec: str, mode: str, size: tuple[int, int], sent: SentFrame
) -> CodecStats:
    """What the encoder says of a frame ``size`` = (width, height) that it sent; times and rates are the caller's."""
    return CodecStats(
        header=header,
        camera=camera,
        codec=codec,
        mode=mode,
        sequence=sent.sequence,
        key=sent.key,
        payload_bytes=len(sent.packet),
        width=size[0],
        height=size[1],
        quality=sent.quality,
        downsample=sent.downsample,
        at_floor=sent.at_floor,
        at_ceiling=sent.at_ceiling,
    )


def skipped_stats(header: Header, camera: str, codec: str, mode: str, size: tuple[int, int]) -> CodecStats:
    """What the encoder says of a frame that became no packet."""
    return CodecStats(
        header=header,
        camera=camera,
        codec=codec,
        mode=mode,
        width=size[0],
        height=size[1],
        quality=NOT_SET,
        age_seconds=NOT_SET,
    )


def received_stats(header: Header, camera: str, info: KeyInfo, received: ReceivedFrame, size: int) -> CodecStats:
    """What the decoder says of a packet of ``size`` bytes that gave a picture."""
    return CodecStats(
        header=header,
        camera=camera,
        codec=info.codec,
        mode=info.mode,
        sequence=received.sequence,
        key=received.key,
        payload_bytes=size,
        width=info.width,
        height=info.height,
        quality=NOT_SET,
        downsample=received.downsample,
        target_bitrate=NOT_SET,
    )


def encoder_status(
    name: str, codec: str, tally: Tally, achieved: float, target: float, dropped: int, note: str = ""
) -> DiagnosticStatus:
    """One camera's second in the encoder. Rates in bit/s; ``note`` is said beside a state that is no error."""
    level, message = DiagnosticStatus.OK, "on target"
    if tally.corrupt:
        level, message = DiagnosticStatus.ERROR, f"{tally.corrupt} frames could not be coded"
    elif tally.floor:
        level, message = DiagnosticStatus.WARN, f"the target lies below what {codec} can reach"
    elif tally.ceiling:
        message = "finest quality: the content needs less than the target"
    elif not tally.frames:
        message = "no frames"
    values = {
        "achieved bit/s": f"{achieved:.0f}",
        "target bit/s": f"{target:.0f}",
        "frames": tally.frames,
        "key frames": tally.keys,
        "frames at floor": tally.floor,
        "frames at ceiling": tally.ceiling,
        "dropped frames": dropped,
        **_latency(tally),
    }
    return _status(level, name, f"{message}; {note}" if note else message, codec, values)


def decoder_status(name: str, codec: str, tally: Tally, achieved: float) -> DiagnosticStatus:
    """One camera's second in the decoder; ``achieved`` in bit/s."""
    level, message = DiagnosticStatus.OK, "decoding" if tally.frames else "no frames"
    if tally.corrupt:
        level, message = DiagnosticStatus.WARN, f"{tally.corrupt} packets gave no picture"
    values = {
        "achieved bit/s": f"{achieved:.0f}",
        "frames": tally.frames,
        "key frames": tally.keys,
        "packets without a picture": tally.corrupt,
        **_latency(tally),
    }
    return _status(level, name, message, codec, values)


def _latency(tally: Tally) -> dict[str, str]:
    mean = tally.seconds / max(tally.frames, 1)
    return {"mean latency s": f"{mean:.4f}", "worst latency s": f"{tally.worst_seconds:.4f}"}


def _status(level: bytes, name: str, message: str, codec: str, values: Mapping[str, object]) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, hardware_id=codec, values=pairs)
