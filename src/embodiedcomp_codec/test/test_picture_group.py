from embodiedcomp_codec.picture_group import REPLAY_PIXELS, PictureGroup
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning


def test_a_replayed_encoder_goes_on_with_the_bytes_of_the_open_one() -> None:
    codec, film = get_codec("h264"), panning(6, 64, 64)
    group, encoder = PictureGroup(codec, "inter"), codec.encoder(64, 64, "inter")
    for index, frame in enumerate(film[:5]):
        sent = encoder.encode(frame, 0.3 + 0.1 * index, index == 0)
        group.add(frame, 64 * 64, 0.3 + 0.1 * index, sent.data, index == 0)
        frame[:] = 0  # the group keeps what was coded, not the caller's memory
    assert group.finest == 0.7 and group.pixels == 5 * 64 * 64
    replayed = group.replay()
    assert replayed is not None
    assert replayed.encode(film[5], 0.5, False) == encoder.encode(film[5], 0.5, False)


def test_a_long_group_is_not_kept_and_a_key_frame_begins_anew() -> None:
    group, small = PictureGroup(get_codec("h264"), "inter"), panning(1, 64, 64)[0]
    group.add(small, REPLAY_PIXELS, 0.9, b"", True)
    assert group.replayable
    group.add(small, 1, 0.2, b"", False)
    assert not group.replayable
    group.add(small, 1, 0.2, b"", True)
    assert group.replayable and group.pixels == 1 and group.finest == 0.2


def test_a_replay_that_gives_other_bytes_than_were_sent_is_none() -> None:
    group, small = PictureGroup(get_codec("h264"), "inter"), panning(1, 64, 64)[0]
    group.add(small, 1, 0.5, b"something else", True)
    assert group.replay() is None
