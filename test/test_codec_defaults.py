"""What docs/reference/codec-nodes.md gives as a parameter's default is the node's."""

from __future__ import annotations

import importlib
import math
import re
from typing import Any

import pytest
from interfaces import ROOT

PAGE = (ROOT / "docs" / "reference" / "codec-nodes.md").read_text()
NODES = {name: importlib.import_module(f"embodiedcomp_codec.nodes.{name}") for name in ("encoder", "decoder", "link")}
UNSET = {"weights": "from the environment", "camera": "from `in`"}  # where the default is empty: what happens then


def written(default: Any) -> str:
    """A default as the page writes it."""
    if isinstance(default, bool):
        return str(default).lower()
    if default == [] or (isinstance(default, float) and math.isnan(default)):
        return "not set"
    return str(default)


@pytest.mark.parametrize("name", NODES)
def test_every_default_on_the_page_is_the_nodes(name: str) -> None:
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (section,) = [part for part in text if part.startswith(f"`ros2 run embodiedcomp_codec {name}`")]
    cells = re.findall(r"^\| ([^|]*`[^|]*)\| ([^|]*)\|", section, re.MULTILINE)
    on_page = {key: value.strip() for names, value in cells for key in re.findall(r"`([^`]+)`", names)}
    node = {each.name: written(each.default) or UNSET[each.name] for each in NODES[name].PARAMETERS}
    numbers = {key for key, value in node.items() if re.fullmatch(r"-?[\d.]+", value)}
    assert {key: on_page[key] for key in node if key not in numbers} == {
        key: value for key, value in node.items() if key not in numbers
    }
    assert {key: float(on_page[key]) for key in numbers} == {key: float(node[key]) for key in numbers}
    assert set(on_page) == {"autostart", *node}
