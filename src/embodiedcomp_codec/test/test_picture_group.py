from embodiedcomp_codec.picture_group import KEPT_FRAMES, REPLAY_PIXELS, PictureGroup
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


def test_a_long_group_is_kept_where_a_second_encoder_needs_it_and_equal_pictures_once() -> None:
    group, film = PictureGroup(get_codec("h264"), "inter"), panning(2, 64, 64)
    group.add(film[0], REPLAY_PIXELS, 0.5, b"", True)
    for small in (film[1], film[1].copy(), film[1].copy()):
        group.add(small, 64 * 64, 0.5, b"", False, long=True)
    assert not group.replayable and len(group.frames) == 4
    assert len({id(frame.small) for frame in group.frames}) == 2
    group.add(film[1], 64 * 64, 0.5, b"", False)
    group.add(film[1], 64 * 64, 0.5, b"", False, long=True)
    assert not group.frames, "what was not kept once has a gap"


def test_an_endless_still_picture_is_not_kept_without_end() -> None:
    group, small = PictureGroup(get_codec("h264"), "inter"), panning(1, 64, 64)[0]
    for number in range(KEPT_FRAMES + 1):
        group.add(small, REPLAY_PIXELS, 0.5, b"", number == 0, long=True)
        assert len(group.frames) == number + 1
    group.add(small, REPLAY_PIXELS, 0.5, b"", False, long=True)
    assert not group.frames
