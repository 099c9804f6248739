import pytest

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.config import SCHEDULES, ladder, parse_ladder, rate_point
from embodiedcomp_codec.registry import codec_names, get_codec

DOCUMENT = {
    "default": {"intra": [[0.0, 2], [0.1, 8]], "inter": [[0.0, 3]]},
    "mine": {"intra": [[0.0, 1], [0.02, 4]]},
}


def test_a_codec_has_its_own_ladder_or_the_default() -> None:
    assert parse_ladder(DOCUMENT, "mine", "intra") == ((0.0, 1), (0.02, 4))
    assert parse_ladder(DOCUMENT, "mine", "inter") == ((0.0, 3),)
    assert parse_ladder(DOCUMENT, "other", "intra") == ((0.0, 2), (0.1, 8))


@pytest.mark.parametrize("rungs", [[], [[0.1, 2]], [[0.0, 2], [0.2, 4], [0.1, 8]], [[0.0, 9]], [[0.0, 0]]])
def test_a_ladder_that_makes_no_sense_is_one_line(rungs: list[list[float]]) -> None:
    with pytest.raises(CodecError, match=r"codecs\.yaml: intra of 'mine'") as caught:
        parse_ladder({"mine": {"intra": rungs}}, "mine", "intra")
    assert "\n" not in str(caught.value)


def test_rate_points() -> None:
    rungs = parse_ladder(DOCUMENT, "default", "intra")
    assert [rate_point(rungs, bpp) for bpp in (0.001, 0.0999, 0.1, 5.0)] == [2, 2, 8, 8]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_shipped_file_serves_every_codec(schedule: str) -> None:
    for name in codec_names("embodiedcomp_codec"):
        if not get_codec(name).lossless:
            assert ladder(name, schedule)[0][0] == 0.0  # type: ignore[arg-type]
