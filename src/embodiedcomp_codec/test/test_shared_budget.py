import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_codec.shared_budget import HALVINGS, RESERVE, SharedBudget

PERIOD_NS = 100_000_000
reports = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3000), st.integers(0, 10**6), st.floats(0, 1), st.integers(1, 8)),
    max_size=60,
)


def run(needs: list[float], frames: int, start: int = 0, budget: SharedBudget | None = None) -> SharedBudget:
    """Cameras whose frames cost need * 2^(8 * quality) bits and are coded to their shares exactly."""
    import math

    budget = budget or SharedBudget(1e5, len(needs), 1.0)
    for index in range(start, start + frames):
        for camera, need in enumerate(needs):
            if need == 0:
                continue
            bits = budget.share(camera, index * PERIOD_NS) * 0.1
            quality = min(max(math.log2(bits / need) / 8, 0.0), 1.0)
            budget.report(camera, need * 2 ** (8 * quality), quality, 8)
    return budget


def split(budget: SharedBudget, cameras: int, index: int) -> list[float]:
    return [budget.share(camera, index * PERIOD_NS) / budget.bitrate for camera in range(cameras)]


@settings(deadline=None)
@given(reports)
def test_shares_are_positive_and_add_up_to_the_whole(frames: list[tuple[int, int, int, float, int]]) -> None:
    budget = SharedBudget(5000.0, 3, 1.0)
    for camera, milliseconds, bits, quality, downsample in frames:
        budget.share(camera, milliseconds * 10**6)
        budget.report(camera, bits, quality, downsample)
        for _ in range(2):  # a camera back from a long silence is served at once, before the others know of it
            shares = [budget.share(every, milliseconds * 10**6) for every in range(3)]
        assert sum(shares) == pytest.approx(5000.0)
        assert min(shares) > 0


@settings(deadline=None)
@given(st.permutations([0, 1, 2]), st.lists(st.tuples(*[st.integers(1, 10**5)] * 3), min_size=1, max_size=20))
def test_the_order_of_arrival_within_an_instant_changes_nothing(
    order: list[int], frames: list[tuple[int, int, int]]
) -> None:
    one, other = SharedBudget(5000.0, 3, 1.0), SharedBudget(5000.0, 3, 1.0)
    for index, bits in enumerate(frames):
        for budget, cameras in ((one, [0, 1, 2]), (other, order)):
            for camera in cameras:
                budget.share(camera, index * PERIOD_NS)
                budget.report(camera, bits[camera], 0.5, 8)
        assert split(one, 3, index) == split(other, 3, index)


def test_equal_needs_get_equal_shares_and_unequal_ones_come_to_equal_quality() -> None:
    assert split(run([300.0, 300.0], 40), 2, 40) == pytest.approx([0.5, 0.5])
    high, low = split(run([400.0, 100.0], 100), 2, 100)
    assert high == pytest.approx(RESERVE / 2 + (1 - RESERVE) * 0.8, abs=0.08)
    assert high + low == pytest.approx(1.0)


def test_a_still_camera_keeps_its_reserve_and_is_served_again_when_it_moves() -> None:
    budget = run([300.0, 1e-3], 60)
    still = split(budget, 2, 60)[1]
    assert RESERVE / 2 <= still < 0.15
    assert split(run([300.0, 300.0], 60, 60, budget), 2, 120)[1] == pytest.approx(0.5, abs=0.05)


def test_a_silent_camera_gives_its_share_away_and_gets_one_when_it_returns() -> None:
    budget = run([300.0, 300.0], 40)
    run([300.0, 0.0], 60, 40, budget)
    assert budget.share(0, 100 * PERIOD_NS) == pytest.approx(budget.bitrate)
    assert budget.share(1, 100 * PERIOD_NS) >= 0.9 * RESERVE / 2 * budget.bitrate
    assert split(run([300.0, 300.0], 60, 100, budget), 2, 160) == pytest.approx([0.5, 0.5], abs=0.05)


def test_reset_and_a_clock_that_jumps_back() -> None:
    budget = run([300.0, 30.0], 40)
    assert split(budget, 2, 0) == split(budget, 2, 1)
    assert split(run([300.0, 30.0], 5, 0, budget), 2, 5)[0] > 0.5
    budget.reset()
    assert split(budget, 2, 7) == [0.5, 0.5]
    assert HALVINGS > 0


def test_a_camera_at_its_floor_is_paid_for_by_what_the_others_can_spare() -> None:
    """Its floor is 30 % of the whole where its need alone would give it a tenth: all three together still fit."""
    budget, spent = SharedBudget(1e5, 3, 1.0), 0.0
    for index in range(100):
        shares = [budget.share(camera, index * PERIOD_NS) for camera in range(3)]
        bits = [shares[0] * 0.1, shares[1] * 0.1, 0.3 * 1e4]
        budget.report(0, bits[0], 0.3, 8)
        budget.report(1, bits[1], 0.3, 8)
        budget.report(2, bits[2], 1.0, 8, at_floor=True)
        spent += sum(bits) if index >= 50 else 0.0
    assert spent == pytest.approx(50 * 1e4, rel=0.02)
    assert min(split(budget, 3, 100)) > RESERVE / 3


def test_a_camera_with_a_backlog_upsets_nothing() -> None:
    """One camera's frames arrive two seconds late: the split is what it is without the delay."""
    late, prompt = SharedBudget(1e5, 2, 1.0), SharedBudget(1e5, 2, 1.0)
    for index in range(100):
        for budget, delay in ((late, 20), (prompt, 0)):
            for camera, bits, behind in ((0, 400.0, 0), (1, 100.0, delay)):
                budget.share(camera, (index + 20 - behind) * PERIOD_NS)
                budget.report(camera, bits, 0.5, 8)
    assert split(late, 2, 120) == pytest.approx(split(prompt, 2, 120), abs=0.02)


def test_an_impossible_budget_is_one_line() -> None:
    for bitrate, cameras, window in ((0.0, 2, 1.0), (1.0, 0, 1.0), (1.0, 2, 0.0), (float("nan"), 2, 1.0)):
        with pytest.raises(ValueError, match="no budget of"):
            SharedBudget(bitrate, cameras, window)
