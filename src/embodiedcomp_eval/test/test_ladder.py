import numpy as np
import pytest
import yaml

from embodiedcomp_codec.config import parse_ladder
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import EncoderStream, StreamConfig
from embodiedcomp_eval.ladder import Point, envelope, measure_points, qualities, with_ladders

TEXT = """# what this file is
default:
  intra: [[0.0, 2]]
jpeg:
  intra: [[0.0, 1], [0.1, 8]]  # old
av1:
  intra: [[0.0, 3]]
  sparse: [[0.0, 4]]
"""


def curve(n: int, start: float, gain: float, top: float) -> list[Point]:
    """PSNR that grows by ``gain`` dB with every doubling of the rate from ``start`` bpp on, up to ``top``."""
    return [
        Point(n, step / 10, start * 2**step, min(20 + gain * step, top) if n == 2 else 18 + gain * step, 0.9)
        for step in range(8)
    ]


def test_the_envelope_changes_factor_where_the_curves_cross() -> None:
    """2/8: from 0.01 bpp at 20 dB, 2 dB a doubling, never above 25. 8/8: from 0.02 at 18 dB, 3 dB a doubling.

    They meet where 18 + 3 log2(b / 0.02) = 20 + 2 log2(b / 0.01), at log2(b / 0.01) = 5, but by then 2/8 has its 25 dB
    only: 18 + 3 (x - 1) = 25 at x = 10/3.
    """
    rungs = envelope(curve(2, 0.01, 2.0, 25.0) + curve(8, 0.02, 3.0, 99.0))
    assert [n for _, n in rungs] == [2, 8]
    assert rungs[0][0] == 0.0
    assert rungs[1][0] == pytest.approx(0.01 * 2 ** (10 / 3), rel=0.05)


def test_a_point_that_costs_more_for_less_changes_nothing() -> None:
    points = curve(2, 0.01, 2.0, 25.0) + curve(8, 0.02, 3.0, 99.0)
    assert envelope([*points, Point(8, 0.55, 0.3, 5.0, 0.1)]) == envelope(points)


def test_points_are_what_a_stream_sends() -> None:
    frames = panning(3, 64, 64)
    codec = get_codec("jpeg")
    points = list(measure_points(codec, "intra", [frames]))
    assert {point.n for point in points} == set(range(1, 9))
    finest = next(point for point in points if point.n == 8 and point.quality == 1.0)
    stream = EncoderStream(StreamConfig("jpeg"))
    sent = [stream.encode(frame, index * 10**8) for index, frame in enumerate(frames)]
    assert finest.bpp == pytest.approx(sum(8 * len(frame.packet) for frame in sent) / (3 * 64 * 64))
    at_full_size = [point for point in points if point.n == 8]
    assert np.all(np.diff([point.bpp for point in at_full_size]) >= 0)
    assert at_full_size[-1].psnr > at_full_size[0].psnr + 5


@pytest.mark.parametrize("name", ["jpeg", "av1", "h264"])
def test_qualities_are_the_codecs_own_steps(name: str) -> None:
    codec = get_codec(name)
    last = codec.levels - 1  # type: ignore[attr-defined]
    chosen = qualities(codec)
    assert chosen[0] == 0.0 and chosen[-1] == 1.0 and chosen == sorted(set(chosen))
    assert all((quality * last) == pytest.approx(round(quality * last)) for quality in chosen)


def test_an_entry_is_replaced_alone() -> None:
    new = with_ladders(TEXT, "av1", {"inter": ((0.0, 5), (0.02, 8))}, "measured")
    assert new == TEXT.replace(
        "  sparse: [[0.0, 4]]\n", "  inter: [[0, 5], [0.02, 8]]  # measured\n  sparse: [[0.0, 4]]\n"
    )
    again = with_ladders(new, "av1", {"inter": ((0.0, 6),)}, "later")
    assert again.count("inter") == 1 and parse_ladder(yaml.safe_load(again), "av1", "inter") == ((0.0, 6),)


def test_a_new_codec_is_added_at_the_end() -> None:
    new = with_ladders(TEXT, "mine", {"intra": ((0.0, 3),)}, "measured")
    assert new.startswith(TEXT)
    assert parse_ladder(yaml.safe_load(new), "mine", "intra") == ((0.0, 3),)
    # What was not measured of it is still the default's.
    assert parse_ladder(yaml.safe_load(TEXT), "mine", "intra") == ((0.0, 2),)
