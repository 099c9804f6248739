from __future__ import annotations

import json
from pathlib import Path

import pytest

from embodiedcomp_policy.policies.checkpoint import checkpoint_folder, read_told, torch_device
from embodiedcomp_policy.policy import PolicyError


def test_defaults_and_what_the_file_says(tmp_path: Path) -> None:
    robot, space, device = read_told(tmp_path)
    assert device is None
    assert (robot, space.kind, space.period_ns, space.gripper_closed) == (None, "joint", 50_000_000, 1.0)
    told = {
        "robot": "panda",
        "kind": "tool_delta",
        "period": 0.1,
        "scale": 0.05,
        "turn": "rpy",
        "gripper_open": -1,
        "device": "cuda:1",
    }
    (tmp_path / "embodiedcomp.json").write_text(json.dumps(told))
    robot, space, device = read_told(tmp_path)
    assert device == "cuda:1"
    assert (robot, space.kind, space.scale, space.turn, space.gripper_open) == ("panda", "tool_delta", 0.05, "rpy", -1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "embodiedcomp.json: "),
        ("[]", "expected an object, found list"),
        ('{"rate": 1}', "unknown key 'rate'; valid keys: robot, period, device, kind"),
        ('{"kind": "torque"}', "unknown kind 'torque'; there are: joint, joint_delta, tool_delta"),
        ('{"device": 1}', "device must be a name, not '1'"),
        ('{"scale": "big"}', "scale must be a number, not 'big'"),
        ('{"period": 0}', "period must be above 0 and at most 10 s, not 0"),
        ('{"gripper_open": 1}', "must differ, both are 1"),
    ],
)
def test_a_bad_file_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "embodiedcomp.json").write_text(text)
    with pytest.raises(PolicyError) as error:
        read_told(tmp_path)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_folder_must_be_there_and_hold_its_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    assert checkpoint_folder("x", str(tmp_path), ("config.json",)) == tmp_path
    with pytest.raises(PolicyError, match=r"has no a.bin, no b.bin"):
        checkpoint_folder("x", str(tmp_path), ("config.json", "a.bin", "b.bin"))


def test_the_device_is_the_one_told_or_what_there_is() -> None:
    torch = pytest.importorskip("torch")
    assert torch_device("x", "cpu").type == "cpu"
    assert torch_device("x", None).type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("abacus", "cuda:99"):
        with pytest.raises(PolicyError, match=rf"policy 'x': no device '{name}' here") as error:
            torch_device("x", name)
        assert "\n" not in str(error.value)
