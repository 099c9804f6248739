from __future__ import annotations

import pytest

from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.server_options import choose, number, parse_server

DEFAULTS = {"keys": "ur5", "timeout": "5"}


def parse(server: str | None) -> tuple[str, dict[str, str]]:
    return parse_server("x", server, ("ws",), DEFAULTS, "ws://host:8000")


def test_options_override_defaults_and_leave_the_url() -> None:
    assert parse("ws://host:8000/path?keys=droid") == ("ws://host:8000/path", {"keys": "droid", "timeout": "5"})


@pytest.mark.parametrize("server", ["", None, "host:8000", "http://host", "ws://", "ws://host:port", "ws://host:99999"])
def test_no_or_a_wrong_address_names_a_right_one(server: str | None) -> None:
    with pytest.raises(PolicyError, match="ws://host:8000"):
        parse(server)


def test_unknown_options_and_values() -> None:
    with pytest.raises(PolicyError, match=r"unknown option 'key' .* knows: keys, timeout"):
        parse("ws://host?key=1")
    with pytest.raises(PolicyError, match="unknown keys 'a'; there are: b, c"):
        choose({"keys": "a"}, "keys", ("b", "c"))
    assert number({"n": "2"}, "n", 1, 3) == 2
    for bad in ("x", "nan", "inf", "4", ""):
        with pytest.raises(PolicyError, match=f"n must be a number from 1 to 3, not '{bad}'"):
            number({"n": bad}, "n", 1, 3)
