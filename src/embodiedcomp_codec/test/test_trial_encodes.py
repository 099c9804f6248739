import pytest

from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.trial_encodes import TrialEncodes

PIXELS = 64 * 96


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
def test_however_a_frame_is_tried_the_stream_goes_on_as_if_it_had_been_coded_once(codec: str) -> None:
    frames = panning(14, 64, 96)
    alone = get_codec(codec).encoder(96, 64, "inter")
    encodes = TrialEncodes(get_codec(codec), "inter")
    key = encodes.alone(frames[0], 8, 20, 0.5, True)
    assert alone.encode(frames[0], 0.5, True) == key.coded
    encodes.sent(key)
    encodes.follow(frames[0], PIXELS, 0.5, key.coded.data, True)
    ways = set()
    for number, frame in enumerate(frames[1:], 1):
        if number == 3:
            assert encodes.get_second()
        trial = None
        if number % 3 == 0:
            way, trial = "replayed", encodes.predicted(frame, 40, 0.9)
            trial = encodes.replayed(frame, 20, 0.5)
        elif number % 3 == 1:
            way, trial = "kept", encodes.aside(frame, 20, 0.5)
            trial = encodes.keep(trial) if trial else None
        elif number == 8:
            way = "spoilt"
            assert encodes.guarded
            assert encodes.aside(frame, 40, 0.9) is not None
            assert not encodes.guarded
        if trial is None:
            way, trial = "open", encodes.predicted(frame, 20, 0.5)
        ways.add(way)
        assert trial.coded == alone.encode(frame, 0.5, False), way
        assert trial.bits == 8 * len(trial.coded.data)
        encodes.sent(trial)
        encodes.follow(frame, PIXELS, 0.5, trial.coded.data, False)
    assert ways == {"replayed", "kept", "open"}


def test_a_key_frame_ends_the_second_encoder_and_a_long_group_gives_none() -> None:
    frame = panning(1, 64, 96)[0]
    encodes = TrialEncodes(get_codec("h264"), "inter")
    encodes.sent(encodes.alone(frame, 8, 20, 0.5, True))
    encodes.follow(frame, PIXELS, 0.5, b"", True)
    assert encodes.get_second()
    encodes.sent(encodes.alone(frame, 8, 20, 0.5, True))
    encodes.follow(frame, PIXELS, 0.5, b"", True)
    assert encodes.aside(frame, 20, 0.5) is None
    encodes.follow(frame, 1 << 30, 0.5, b"", False)
    assert not encodes.get_second()
