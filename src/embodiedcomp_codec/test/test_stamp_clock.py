import numpy as np
import pytest

from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stamp_clock import StampClock
from embodiedcomp_codec.stream import EncoderStream, StreamConfig


def test_stamps_that_change_are_the_time() -> None:
    clock = StampClock()
    stamps = [100, 200, 50, 10**9]
    assert [clock.time(stamp, 7 * index) for index, stamp in enumerate(stamps)] == stamps


def test_while_stamps_stand_time_goes_on_as_frames_arrive() -> None:
    clock = StampClock()
    assert [clock.time(0, arrival) for arrival in (500, 533, 566)] == [0, 33, 66]
    assert [clock.time(stamp, arrival) for stamp, arrival in ((1000, 599), (1000, 632), (1100, 665))] == [
        1000,
        1033,
        1100,
    ]


def test_a_camera_without_stamps_keeps_its_bit_rate_at_any_pace() -> None:
    stream, clock, rate = EncoderStream(StreamConfig("jpeg", target_bitrate=200_000.0)), StampClock(), 30
    frames = panning(60, 96, 96)
    sent = [stream.encode(frame, clock.time(0, index * 10**9 // rate)) for index, frame in enumerate(frames)]
    assert np.sum([8 * len(frame.packet) for frame in sent[30:]]) == pytest.approx(200_000, rel=0.05)
