"""Every parameter and every policy is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
PAGE = PACKAGE.parents[1] / "docs" / "reference" / "policy-nodes.md"


@pytest.mark.parametrize("node", ["policy", "guard"])
def test_every_parameter_has_its_row(node: str) -> None:
    source = (PACKAGE / "embodiedcomp_policy" / "nodes" / f"{node}.py").read_text()
    names = set(re.findall(r"""self\.(?:parameter|choice)\("(\w+)\"""", source)) | {"autostart"}
    names |= {"image_tolerance", "state_tolerance"} if node == "policy" else {"max_observation_age", "max_chunk_age"}
    section = PAGE.read_text().split("## `ros2 run embodiedcomp_policy ")[1 if node == "policy" else 2]
    rows = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert len(names) > 8
    assert names - rows == set()


def test_every_policy_has_its_row() -> None:
    entries = re.search(r'"embodiedcomp.policies": \[(.*?)\]', (PACKAGE / "setup.py").read_text(), re.DOTALL)
    assert entries is not None
    names = re.findall(r'"([\w-]+) = ', entries[1])
    assert names and all(f"| `{name}` |" in PAGE.read_text() for name in names)
