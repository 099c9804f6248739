"""The page of ``gazebo-check``: everything that was found, what failed in bold, a line for each grasp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embodiedcomp_eval.commands.gazebo import write_page
from embodiedcomp_eval.gazebo.page import page

CHECKS: list[dict[str, Any]] = [
    {"name": "holds a pose", "passed": True, "text": "worst joint: home 0.16°", "numbers": {"home": 0.16}},
    {
        "name": "lifts",
        "passed": False,
        "text": "1 of 2",
        "numbers": {"rises": [0.28, 0.0], "seeds": [10000, 10001], "objects": ["cube", "can"]},
    },
    {"name": "reset", "passed": True, "text": "within 0.01 mm", "numbers": {"metres": [1e-5, 0.0]}},
]
EVIDENCE = {
    "date": "2026-11-22", "gazebo": "fortress", "server": "6.7.0", "command": "embodiedcomp gazebo-check",
    "render_engine": "ogre", "machine": "x86_64, 2 cores", "facts": {"commit": "abc"}, "checks": CHECKS,
}  # fmt: skip


def test_what_was_found_stands_on_the_page() -> None:
    text = page(EVIDENCE)
    assert "`embodiedcomp gazebo-check` on 2026-11-22, commit abc: Gazebo Fortress, server 6.7.0, with the ogre" in text
    assert "| yes | holds a pose | worst joint: home 0.16° |" in text and "| **no** | lifts | 1 of 2 |" in text
    assert "| 10000 | cube | 0.280 | 0.010 |" in text and "| 10001 | can | 0.000 | 0.000 |" in text


def test_without_grasps_there_is_no_table_of_them() -> None:
    assert "## Grasps" not in page({**EVIDENCE, "checks": CHECKS[:1]})


def test_pictures_and_record_lie_beside_the_page(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "gazebo.json").write_text("{}")
    (out / "base_camera.png").write_bytes(b"png")
    write_page(tmp_path / "docs" / "gazebo.md", out, EVIDENCE)
    text = (tmp_path / "docs" / "gazebo.md").read_text()
    assert "![base_camera](gazebo/base_camera.png)" in text and "wrist_camera" not in text
    assert sorted(file.name for file in (tmp_path / "docs" / "gazebo").iterdir()) == ["base_camera.png", "gazebo.json"]
