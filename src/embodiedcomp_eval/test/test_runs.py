"""A sweep that goes on with another commit or on another machine says so in one line."""

from __future__ import annotations

from pathlib import Path

from embodiedcomp_eval.runs import mixture_warning


def test_the_warning_names_what_changed_in_one_line() -> None:
    text = mixture_warning(
        Path("results/curve"),
        {
            "commit": ("1" * 40, "2" * 40),
            "processor": ("AMD EPYC", "Intel Xeon"),
            "packages": ({"numpy": "1", "av": "2"}, {"numpy": "1", "av": "3", "torch": "2"}),
        },
    )
    assert text == (
        "warning: results/curve goes on with another commit 111111111111 -> 222222222222; processor AMD EPYC -> Intel Xeon; "
        "versions of av, torch: its cells will mix episodes of both; choose another --out to keep them apart"
    )
