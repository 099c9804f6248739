"""Instants: matched by stamp, in order, complete where they can be, never stuck."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_codec.instants import MAX_PENDING, PATIENCE, Instants


def test_an_instant_is_complete_with_its_last_source() -> None:
    instants: Instants[str] = Instants(2)
    assert instants.add(0, 100, "a") == []
    assert instants.add(1, 100, "b") == [{0: "a", 1: "b"}]


def test_a_source_that_skips_an_instant_holds_nothing_up_once_it_goes_on() -> None:
    instants: Instants[str] = Instants(2)
    instants.add(0, 100, "a1")
    assert instants.add(0, 200, "a2") == []
    assert instants.add(1, 200, "b2") == [{0: "a1"}, {0: "a2", 1: "b2"}]


def test_a_dead_source_is_waited_for_three_times_and_then_no_more() -> None:
    instants: Instants[int] = Instants(2)
    out = [instants.add(0, 100 * index, index) for index in range(8)]
    assert [item for found in out for item in found] == [{0: index} for index in range(8)]
    waits = [index - found[0][0] for index, found in enumerate(out) if found]
    assert waits[0] == MAX_PENDING
    assert out[MAX_PENDING + PATIENCE] and waits[-1] == 0
    assert instants.add(1, 700, 7) == [{1: 7}]  # too late for its instant, not lost
    assert instants.add(0, 800, 8) == []  # heard again: waited for again
    assert instants.add(1, 800, 9) == [{0: 8, 1: 9}]


def test_near_stamps_are_one_instant_within_the_tolerance_only() -> None:
    instants: Instants[str] = Instants(2, tolerance_ns=5)
    instants.add(0, 100, "a")
    assert instants.add(1, 105, "b") == [{0: "a", 1: "b"}]
    instants.add(0, 200, "a")
    assert instants.add(1, 206, "b") == [{0: "a"}]


def test_a_clock_that_jumps_back_starts_anew() -> None:
    instants: Instants[str] = Instants(2)
    for stamp in (1000, 1100):
        instants.add(0, stamp, "a")
        instants.add(1, stamp, "b")
    instants.add(0, 1200, "last")
    assert instants.add(0, 100, "a") == [{0: "last"}]
    assert instants.add(1, 100, "b") == [{0: "a", 1: "b"}]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=80), st.integers(0, 3))
def test_nothing_is_lost_doubled_or_out_of_order(events: list[tuple[int, int]], tolerance: int) -> None:
    instants: Instants[tuple[int, int]] = Instants(3, tolerance)
    clock = [0, 0, 0]
    given_items: list[list[tuple[int, int]]] = [[], [], []]
    out = []
    for number, (source, step) in enumerate(events):
        clock[source] += step
        given_items[source].append((number, clock[source]))
        out += instants.add(source, clock[source], (number, clock[source]))
    for instant in out:
        stamps = [stamp for _, stamp in instant.values()]
        assert max(stamps) - min(stamps) <= 2 * tolerance
    for source in range(3):
        found = [instant[source] for instant in out if source in instant]
        assert found == given_items[source][: len(found)]
        assert len(given_items[source]) - len(found) <= MAX_PENDING
