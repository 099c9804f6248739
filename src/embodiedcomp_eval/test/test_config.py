"""Strict configuration: what is wrong is named, with what would be right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from embodiedcomp_eval.config import ConfigError, config_names, config_path, from_mapping, load_dataclass, load_yaml


@dataclass(frozen=True)
class Example:
    name: str
    size: int
    rate: float = math.nan
    kind: Literal["a", "b"] = "a"
    parts: tuple[str, ...] = ()
    maybe: str | None = None
    free: dict[str, Any] = field(default_factory=dict)


def test_values_arrive_in_their_types() -> None:
    values = {"name": "x", "size": 3, "rate": 2, "parts": ["p", "q"], "maybe": None, "free": {"k": 1}}
    assert from_mapping(Example, values, "f") == Example("x", 3, 2.0, "a", ("p", "q"), None, {"k": 1})


def test_null_is_an_unset_number() -> None:
    assert math.isnan(from_mapping(Example, {"name": "x", "size": 1, "rate": None}, "f").rate)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"name": "x", "size": 1, "sise": 2},
            "f: unknown key 'sise'; valid keys: name, size, rate, kind, parts, maybe, free",
        ),
        ({"name": "x"}, "f: missing key 'size'; valid keys: name, size, rate, kind, parts, maybe, free"),
        ({"name": "x", "size": "big"}, "f: size: expected int, found 'big'"),
        ({"name": "x", "size": True}, "f: size: expected int, found True"),
        ({"name": "x", "size": 1, "rate": "fast"}, "f: rate: expected a number, found 'fast'"),
        ({"name": "x", "size": 1, "kind": "c"}, "f: kind: 'c' is none of a, b"),
        ({"name": "x", "size": 1, "parts": "p"}, "f: parts: expected a list, found 'p'"),
        ({"name": 1, "size": 1}, "f: name: expected str, found 1"),
    ],
)
def test_errors_name_key_and_choices(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(Example, values, "f")
    assert str(caught.value) == message


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"unknown task 'nope'; choose from .*ur5e_lift"):
        config_path("tasks", "nope")


def test_yaml_errors_are_one_line(tmp_path: Path) -> None:
    for text in ("a: [1,", "- a list", "!!python/object/apply:os.getcwd []"):
        file = tmp_path / "x.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_yaml(file)
        assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="no such file"):
        config_path("tasks", str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 1\n", "cells:\n  - {codec: av1, mode: inter, codec: webp}\n"])
def test_a_key_that_is_there_twice_is_no_choice_of_the_last(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(
        ConfigError, match=r"x\.yaml: not valid YAML: key '(a|codec)' is there twice in .*line \d"
    ) as caught:
        load_yaml(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", config_names("tasks"))
def test_every_task_loads(name: str) -> None:
    from embodiedcomp_eval.task import load_task

    assert load_task(name).name == name


@pytest.mark.parametrize("name", config_names("links"))
def test_every_link_loads(name: str) -> None:
    from embodiedcomp_codec.link_model import LinkConfig

    load_dataclass(LinkConfig, "links", name).validate()
