import numpy as np
import pytest

from embodiedcomp_codec.rate_accuracy import Accuracy, judge
from embodiedcomp_codec.stream import SentFrame

ALLOWANCE = 8000.0  # bits


def frames(sizes: list[float], key: int = -1, floor: bool = False, ceiling: bool = False) -> list[SentFrame]:
    """Frames of so many bits, and which of them is a key frame."""
    return [
        SentFrame(bytes(round(bits / 8)), index == key, index % 64, 0.5, 8, floor, ceiling)
        for index, bits in enumerate(sizes)
    ]


def verdict(sent: list[SentFrame], intra: bool = False) -> Accuracy:
    return judge(sent, ALLOWANCE, 10, intra, 10_000, 0.1)


def test_what_is_right_on_target_misses_nothing() -> None:
    for intra in (True, False):
        found = verdict(frames([ALLOWANCE] * 300), intra)
        assert (found.total, found.misses) == (0.0, ())


@pytest.mark.parametrize(("factor", "miss"), [(1.03, "total"), (0.97, "total"), (1.015, None), (0.985, None)])
def test_intra_tolerances(factor: float, miss: str | None) -> None:
    found = verdict(frames([8 * round(ALLOWANCE * factor / 8)] * 300), intra=True)
    assert found.misses == ((miss,) if miss else ())


def test_one_dear_window_of_intra_is_found_and_the_first_one_forgiven() -> None:
    late, early = [ALLOWANCE] * 300, [ALLOWANCE] * 300
    late[100] += 0.6 * ALLOWANCE
    early[0] += 0.6 * ALLOWANCE
    assert verdict(frames(late), intra=True).misses == ("window over",)
    assert verdict(frames(early), intra=True).misses == ()


def test_inter_tolerances() -> None:
    assert verdict(frames([0.94 * ALLOWANCE] * 300)).misses == ("total under",)
    assert verdict(frames([1.04 * ALLOWANCE] * 300)).misses == ("total over",)
    # Under 30 s only windows are promised.
    assert verdict(frames([0.9 * ALLOWANCE] * 100)).misses == ()
    dear = [ALLOWANCE] * 300
    dear[150:160] = [1.12 * ALLOWANCE] * 10
    assert verdict(frames(dear)).misses == ("window over",)


def test_a_key_frame_may_be_repaid_over_two_windows_and_not_longer() -> None:
    repaid = [ALLOWANCE] * 100 + [4 * ALLOWANCE] + [ALLOWANCE * 16 / 19] * 19 + [ALLOWANCE] * 180
    assert verdict(frames(repaid, key=100)).misses == ()
    unpaid = [ALLOWANCE] * 100 + [4 * ALLOWANCE] + [ALLOWANCE] * 199
    assert verdict(frames(unpaid, key=100)).misses == ("key frame",)


def test_limits_of_the_codec_are_no_misses_but_excuse_one_side_only() -> None:
    assert verdict(frames([1.5 * ALLOWANCE] * 300, floor=True)).misses == ()
    assert verdict(frames([0.5 * ALLOWANCE] * 300, ceiling=True)).misses == ()
    assert "total under" in verdict(frames([0.5 * ALLOWANCE] * 300, floor=True)).misses
    assert "total over" in verdict(frames([1.5 * ALLOWANCE] * 300, ceiling=True)).misses
    assert np.isnan(verdict(frames([ALLOWANCE] * 5)).worst)
