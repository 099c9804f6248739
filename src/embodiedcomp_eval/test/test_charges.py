"""The price of a query in simulated time."""

from __future__ import annotations

import pytest

from embodiedcomp_codec.registry import codec_names
from embodiedcomp_eval.charges import Charges, CodecCharge, load_charges, with_charge
from embodiedcomp_eval.config import ConfigError, config_names
from embodiedcomp_eval.sweep_config import RIVALS, SweepConfig, load_sweep

TABLE = Charges({"slow": {"encode": 1.0, "decode": 0.8}}, {"p": 0.02})


def test_a_query_pays_for_coding_and_for_the_answer() -> None:
    assert TABLE.query_ns("slow", "p") == 1_820_000_000


@pytest.mark.parametrize(
    ("codec", "policy", "message"),
    [("fast", "p", "no time for codec 'fast'; timing 'charged' knows: slow"), ("slow", "q", "no time for policy 'q'")],
)
def test_what_is_not_listed_is_refused(codec: str, policy: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TABLE.query_ns(codec, policy)


def _lossy(sweep: SweepConfig) -> set[str]:
    return {cell.trial.codec for cell in sweep.cells} - {*RIVALS}


def test_the_shipped_table_is_sound() -> None:
    table = load_charges()
    swept = {codec for name in config_names("sweeps") for codec in _lossy(load_sweep(name)[0])}
    assert {"none", "cheng2020-anchor", *swept} <= set(table.codecs), "every codec of a shipped sweep can be charged"
    for codec in table.codecs:
        assert codec in codec_names() and 0 < table.query_ns(codec, "reference") < 10_000_000_000


def test_one_codecs_line_is_rewritten_and_the_rest_stays() -> None:
    text = "# why\ncodecs:\n  a: {encode: 1, decode: 2}\n  b: {encode: 3, decode: 4}\npolicies:\n  p: 1\n"
    changed = with_charge(text, "a", CodecCharge(0.5, 0.25), "today")
    assert changed == text.replace("  a: {encode: 1, decode: 2}", "  a: {encode: 0.5000, decode: 0.2500}  # today")
    added = with_charge(text, "c", CodecCharge(0.5, 0.25), "today")
    assert added == text.replace("policies:", "  c: {encode: 0.5000, decode: 0.2500}  # today\npolicies:")
    with pytest.raises(ConfigError, match="no block"):
        with_charge("policies: {}\n", "a", CodecCharge(1, 1), "today")
