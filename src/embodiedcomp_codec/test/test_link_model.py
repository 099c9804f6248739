import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.link_model import Link, LinkConfig

MS = 1_000_000


def fates(config: LinkConfig, count: int = 500, size: int = 100) -> list[int | None]:
    link = Link(config)
    return [link.offer(index * 10 * MS, size) for index in range(count)]


def test_an_empty_configuration_changes_nothing() -> None:
    assert fates(LinkConfig()) == [index * 10 * MS for index in range(500)]


def test_rate_is_kept() -> None:
    link = Link(LinkConfig(rate=8000.0, queue=10_000))
    assert [link.offer(0, 100) for _ in range(3)] == [100 * MS, 200 * MS, 300 * MS]


def test_a_full_queue_drops() -> None:
    link = Link(LinkConfig(rate=8000.0, queue=250))
    assert [link.offer(0, 100) is None for _ in range(4)] == [False, False, True, True]
    assert link.offer(150 * MS, 100) == 300 * MS


def test_loss_and_jitter_repeat_with_the_seed() -> None:
    config = LinkConfig(loss=0.1, jitter=0.05, seed=4)
    assert fates(config) == fates(config)
    assert fates(config) != fates(LinkConfig(loss=0.1, jitter=0.05, seed=5))
    lost = sum(fate is None for fate in fates(config))
    assert 30 <= lost <= 75


@given(st.floats(0, 0.2), st.integers(0, 9))
def test_nothing_overtakes(jitter: float, seed: int) -> None:
    arrivals = [fate for fate in fates(LinkConfig(jitter=jitter, delay=0.01, seed=seed), 60) if fate is not None]
    assert arrivals == sorted(arrivals)


@pytest.mark.parametrize("bad", [{"rate": 0.0}, {"loss": 1.1}, {"delay": -1.0}, {"jitter": math.inf}, {"queue": 0}])
def test_impossible_links_are_refused(bad: dict) -> None:
    with pytest.raises(CodecError, match=f"link {next(iter(bad))}"):
        Link(LinkConfig(**bad))
