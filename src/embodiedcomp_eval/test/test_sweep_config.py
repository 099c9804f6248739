"""A sweep's file: what multiplies, what is refused and with which words, and every shipped file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.sweep_config import OPTIONS, cell_name, load_sweep, sweep_from_mapping
from embodiedcomp_eval.trial_config import TrialConfig

SMALL: dict[str, Any] = {
    "name": "small",
    "seeds": [10000, 10003],
    "common": {"sensor": "clean"},
    "cells": [
        {"codec": "none"},
        {"codec": ["jpeg", "webp"], "mode": "intra", "target_bpp": [0.1, 0.2], "seeds": [10000, 10001]},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**SMALL, **changes}


def test_lists_multiply_and_seeds_are_inclusive() -> None:
    sweep = sweep_from_mapping(SMALL, "small.yaml")
    assert [(c.trial.codec, c.trial.target_bpp) for c in sweep.cells[1:]] == [
        ("jpeg", 0.1),
        ("jpeg", 0.2),
        ("webp", 0.1),
        ("webp", 0.2),
    ]
    assert sweep.cells[0].seeds == (10000, 10001, 10002, 10003)
    assert sweep.cells[1].seeds == (10000, 10001)
    assert sweep.episodes == 4 + 4 * 2


def test_work_is_seed_by_seed_so_that_an_interrupted_sweep_is_paired() -> None:
    work = [(cell.trial.codec, seed) for cell, seed in sweep_from_mapping(SMALL, "x").work()]
    assert len(work) == len(set(sweep_from_mapping(SMALL, "x").work())) == 12
    assert [seed for _, seed in work] == sorted(seed for _, seed in work)


def test_cell_names_are_unique_readable_and_do_not_depend_on_seeds() -> None:
    names = [cell.name for cell in sweep_from_mapping(SMALL, "x").cells]
    assert len(set(names)) == 5 and names[1].startswith("jpeg-intra-0.1bpp-")
    assert cell_name(TrialConfig(seed=1, episodes=2)) == cell_name(TrialConfig(seed=5, episodes=9))
    assert cell_name(TrialConfig(sensor="real")) != cell_name(TrialConfig())
    assert "-2000bps-" in cell_name(TrialConfig(target_bitrate=2000))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cels": []}, "unknown key 'cels'; valid keys: name, seeds, cells"),
        (
            {"cells": [{"codec": "none", "targetbpp": 1}]},
            "unknown key 'targetbpp'; valid keys: codec, mode, target_bpp",
        ),
        ({"cells": [{"codec": "none", "seed": 1}]}, "unknown key 'seed'"),
        ({"common": {"sensors": "clean"}}, "common: unknown key 'sensors'"),
        ({"cells": []}, "nothing to run"),
        ({"cells": [{"codec": []}]}, "an empty list"),
        ({"cells": [{"codec": "none"}, {"codec": "none"}]}, "is there twice"),
        ({"cells": [{"codec": "none", "mode": "sideways"}]}, "'sideways' is none of"),
        ({"seeds": [5]}, "the first and the last"),
        ({"seeds": [5, 4]}, "the first and the last"),
        ({"retries": -1}, "0 or more"),
        (
            {"primary": {"candidate": {"codec": "jpeg"}, "anchor": {"codec": "none"}}},
            "exactly one cell, selects 2 of 5",
        ),
        ({"primary": {"candidate": {"codec": "jpeg"}}}, "valid keys: candidate, anchor"),
        ({"primary": {"candidate": {"codek": "jpeg"}, "anchor": {}}}, "unknown key 'codek'"),
        ({"anchor": {"codek": "jpeg"}}, "anchor: unknown key 'codek'"),
        ({"anchor": {"codec": "wepb"}}, "anchor: selects no codec's cell among the 5 of this sweep: {'codec': 'wepb'}"),
        ({"anchor": {"codec": "none"}}, "anchor: selects no codec's cell"),
        ({"anchor": {"mode": "intra"}}, "anchor must select one curve, selects 2: jpeg intra 1.0, webp intra 1.0"),
        *(
            (
                {"cells": [{"codec": "none", "seeds": seeds}]},
                "block 1: seeds must be the first and the last one, such as",
            )
            for seeds in (10000, "ab", ["a", "b"], [1.0, 2.0], [True, True], [1], [2, 1], {"first": 1}, None)
        ),
    ],
)
def test_a_mistake_gets_one_line_with_the_valid_choices(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sweep_from_mapping(changed(**changes), "small.yaml")
    message = str(caught.value)
    assert words in message and message.startswith("small.yaml") and "\n" not in message


def test_comparisons_select_one_cell_each() -> None:
    values = changed(
        primary={"candidate": {"codec": "webp", "target_bpp": 0.2}, "anchor": {"codec": "none"}},
        secondary=[{"candidate": {"codec": "jpeg", "target_bpp": 0.2}, "anchor": {"codec": "none"}}],
    )
    sweep = sweep_from_mapping(values, "x")
    assert sweep.primary is not None and sweep.primary.candidate == sweep.cells[4].name
    assert sweep.primary.anchor == sweep.secondary[0].anchor == sweep.cells[0].name


def test_every_trial_option_can_be_swept_but_those_that_the_sweep_sets() -> None:
    assert {"codec", "mode", "policy", "task", "link", "send", "sensor", "timing"} <= set(OPTIONS)
    assert not {"seed", "episodes", "transport"} & set(OPTIONS)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).resolve().parents[3] / "config" / "sweeps").glob("*.yaml")), ids=str
)
def test_every_shipped_sweep_is_valid_and_keeps_to_its_seeds(path: Path) -> None:
    sweep, _ = load_sweep(str(path))
    assert sweep.name == path.stem
    seeds = {seed for cell in sweep.cells for seed in cell.seeds}
    allowed = (
        {*range(42, 142), *range(200, 700)}
        if sweep.name.startswith(("paper", "curve", "claims"))
        else set(range(10000, 11000))
    )
    assert seeds <= allowed, (
        "training seeds have no place in a sweep, evaluation seeds only in the paper's and the claim's"
    )


def test_every_claim_is_a_declared_comparison_with_uncompressed_on_the_five_hundred_seeds() -> None:
    sweep, _ = load_sweep("claims")
    assert sweep.primary is not None
    declared = [sweep.primary, *sweep.secondary]
    by_name = {cell.name: cell for cell in sweep.cells}
    assert {by_name[each.anchor].trial.codec for each in declared} == {"none"}
    assert {each.candidate for each in declared} | {sweep.primary.anchor} == set(by_name)
    assert all(cell.seeds == tuple(range(200, 700)) for cell in sweep.cells)
