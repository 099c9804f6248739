"""The range coder gives back what it took, in few bytes, and refuses what it did not write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodiedcomp_codec.range_coder import (
    Model,
    RangeDecoder,
    RangeEncoder,
    RangeError,
    UintModel,
    code_int,
    code_uint,
    unzigzag,
    zigzag,
)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("bit"), st.integers(0, 1)),
        st.tuples(st.just("byte"), st.integers(0, 255)),
        st.tuples(st.just("uint"), st.integers(0, (1 << 63) - 2)),
        st.tuples(st.just("int"), st.integers(-(1 << 60), 1 << 60)),
    ),
    max_size=60,
)


def run(coder: RangeEncoder | RangeDecoder, steps: list[tuple[str, int]], known: bool) -> list[int]:
    bit, uint, signed = Model(), UintModel(), UintModel()
    found = []
    for kind, value in steps:
        given_value = value if known else 0
        if kind == "bit":
            found.append(coder.bit(bit, given_value))
        elif kind == "byte":
            found.append(coder.uniform(8, given_value))
        elif kind == "uint":
            found.append(code_uint(coder, uint, given_value))
        else:
            found.append(code_int(coder, signed, given_value))
    return found


@settings(deadline=None)
@given(STEPS)
def test_every_sequence_comes_back(steps: list[tuple[str, int]]) -> None:
    encoder = RangeEncoder()
    run(encoder, steps, known=True)
    data = encoder.finish()
    decoder = RangeDecoder(data)
    assert run(decoder, steps, known=False) == [value for _, value in steps]
    decoder.finish()


@settings(deadline=None)
@given(st.binary(max_size=60), STEPS)
def test_any_bytes_are_read_or_refused(data: bytes, steps: list[tuple[str, int]]) -> None:
    decoder = RangeDecoder(data)
    try:
        found = run(decoder, steps, known=False)
        decoder.finish()
    except RangeError:
        return
    encoder = RangeEncoder()
    run(encoder, [(kind, value) for (kind, _), value in zip(steps, found)], known=True)
    assert encoder.finish() == data


def test_incompressible_bytes_cost_themselves_and_expected_bits_next_to_nothing() -> None:
    encoder, model = RangeEncoder(), Model()
    for value in range(100):
        encoder.uniform(8, value * 37 % 256)
    assert len(encoder.finish()) <= 101
    for encoder in (RangeEncoder(),):
        for _ in range(400):
            encoder.bit(model, 0)
        assert len(encoder.finish()) <= 2


@settings(deadline=None)
@given(st.integers(-(1 << 62), 1 << 62))
def test_zigzag_is_a_bijection_that_keeps_small_things_small(value: int) -> None:
    assert unzigzag(zigzag(value)) == value
    assert zigzag(value) <= 2 * abs(value)


@pytest.mark.parametrize("value", [-1, (1 << 63) - 1, 1 << 70])
def test_an_integer_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(RangeError):
        code_uint(RangeEncoder(), UintModel(), value)
