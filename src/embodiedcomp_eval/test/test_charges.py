"""The price of a query in simulated time."""

from __future__ import annotations

import pytest

from embodiedcomp_codec.registry import codec_names
from embodiedcomp_eval.charges import Charges, load_charges
from embodiedcomp_eval.config import ConfigError

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


def test_the_shipped_table_is_sound() -> None:
    table = load_charges()
    assert {"none", "jpeg", "webp", "hevc", "av1"} <= set(table.codecs)
    for codec in table.codecs:
        assert codec in codec_names() and 0 < table.query_ns(codec, "reference") < 10_000_000_000
