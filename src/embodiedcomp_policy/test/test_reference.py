"""The reference policy at a tiny size: it learns what it is shown, obeys the text, resumes, and says what it lacks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.reference import ROBUST_WEIGHTS, WEIGHTS, ReferencePolicy, make, make_robust
from embodiedcomp_policy.policies.reference_network import (
    ReferenceConfig,
    ReferenceNetwork,
    pack_instructions,
    word_ids,
)
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.training import imitation
from embodiedcomp_policy.training.examples import HORIZON, VIEW, Examples, halve, load, save

HOME = np.array([-0.3397, -1.7879, 2.1337, -1.9166, -1.5708, -1.9105, 0.0])


def examples(count: int, seed: int = 0) -> Examples:
    """A bright square in the base view, and plans that go where it is."""
    rng = np.random.default_rng(seed)
    base = np.zeros((count, VIEW, VIEW, 3), np.uint8)
    places = rng.integers(8, VIEW - 24, (count, 2))
    for picture, (x, y) in zip(base, places, strict=True):
        picture[y : y + 16, x : x + 16] = 255
    tool = np.tile(np.array([0.4, 0.0, 0.2, 0.0], np.float32), (count, 1))
    goal = np.column_stack([0.4 + places / 600 - 0.1, np.full((count, 2), [-0.05, 0.0])]).astype(np.float32)
    way = np.linspace(0.1, 1.0, HORIZON)[None, :, None]
    plan = np.concatenate([tool[:, None] + way * (goal - tool)[:, None], np.zeros((count, HORIZON, 1))], axis=2)
    return Examples(
        base, np.zeros_like(base), np.tile(HOME.astype(np.float32), (count, 1)), tool, plan.astype(np.float32), goal,
        np.arange(count),
    )  # fmt: skip


def test_shards_survive_the_disk(tmp_path: Path) -> None:
    first, second = examples(3), examples(2, seed=1)
    save(tmp_path / "a.npz", first)
    save(tmp_path / "b.npz", second)
    both = load([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert len(both) == 5
    np.testing.assert_array_equal(both.plan, np.concatenate([first.plan, second.plan]))
    assert not list(tmp_path.glob("*.partial"))


def test_halving_is_the_rounded_mean() -> None:
    image = np.array([[[0], [1]], [[1], [1]]], np.uint8).repeat(3, axis=2)
    assert (halve(image) == 1).all()  # 3/4 rounds up
    assert (halve(np.zeros((4, 6, 3), np.uint8)) == 0).all() and halve(np.zeros((4, 6, 3), np.uint8)).shape == (2, 3, 3)


def test_it_learns_where_the_square_is(tmp_path: Path) -> None:
    lines: list[str] = []
    imitation.train(examples(96), tmp_path, epochs=5, batch=16, rate=2e-3, report=lines.append)
    errors = [float(line.split("error ")[1].split(" mm")[0]) for line in lines]
    assert errors[-1] < 0.6 * errors[0]
    assert isinstance(make(str(tmp_path)), Policy)


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    data = examples(32)
    imitation.train(data, tmp_path / "whole", epochs=2, batch=16, report=lambda line: None)

    class Killed(Exception):
        pass

    def die(line: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        imitation.train(data, tmp_path / "cut", epochs=2, batch=16, report=die)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    imitation.train(data, tmp_path / "cut", epochs=2, batch=16, report=lambda line: None)
    whole, cut = (ReferenceNetwork.from_pretrained(tmp_path / name).state_dict() for name in ("whole", "cut"))
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_the_words_reach_the_plan() -> None:
    torch.manual_seed(0)
    network = ReferenceNetwork(ReferenceConfig()).eval()
    picture = torch.zeros((2, VIEW, VIEW, 3), dtype=torch.uint8)
    plans, _, _ = network(picture, picture, torch.zeros(2, 12), *pack_instructions(["Pick up the object", "Stop"]))
    assert not torch.equal(plans[0], plans[1])
    assert word_ids("Pick up, the OBJECT!") == word_ids("pick up the object")
    assert word_ids("") == word_ids("  ")


@pytest.fixture(scope="module")
def shipped() -> ReferencePolicy:
    return make()


def observation(value: int) -> Observation:
    images = {name: np.full((256, 256, 3), value, np.uint8) for name in ReferencePolicy.cameras}
    return Observation(images, HOME.copy(), "Pick up the object", 1_000)


def test_the_shipped_weights_answer_the_same_twice(shipped: ReferencePolicy) -> None:
    first, second = shipped.act(observation(90)), shipped.act(observation(90))
    assert first.positions.tobytes() == second.positions.tobytes()
    assert first.stamp_ns == 1_000 and first.positions.shape == (12, 7)
    assert first.times_ns.tolist() == [100_000_000 * k for k in range(1, 13)]
    assert not np.array_equal(first.positions, shipped.act(observation(200)).positions)


def test_the_fine_tune_is_the_same_network_with_other_weights(shipped: ReferencePolicy) -> None:
    tuned = make_robust()
    assert isinstance(tuned, Policy)
    plain, other = shipped.act(observation(90)), tuned.act(observation(90))
    assert other.positions.shape == plain.positions.shape and not np.array_equal(other.positions, plain.positions)


@pytest.mark.parametrize("folder", [WEIGHTS, ROBUST_WEIGHTS], ids=lambda folder: folder.name)
def test_the_shipped_weights_are_small_and_hold_no_pickle(folder: Path) -> None:
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(files) >= {"config.json", "model.safetensors", "README.md"}
    assert not [name for name in files if name.endswith((".pt", ".bin", ".pkl"))]
    assert sum(files.values()) < 20e6


def write(folder: Path, config: dict[str, object], weights: dict[str, torch.Tensor]) -> str:
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_weights_that_are_not_its_own_never_drive_an_arm(tmp_path: Path) -> None:
    config, weights = json.loads((WEIGHTS / "config.json").read_text()), load_file(WEIGHTS / "model.safetensors")
    foreign = {"x.weight": torch.zeros(3, 3)}
    with pytest.raises(PolicyError, match=r"config.json is of a 'bert', not of a 'embodiedcomp_reference'"):
        make(write(tmp_path, {"model_type": "bert", "hidden_size": 32}, foreign))
    with pytest.raises(PolicyError, match=r"\d+ missing keys in the weights, such as base\."):
        make(write(tmp_path, config, foreign))
    headless = {name: values for name, values in weights.items() if not name.startswith("plans")}
    with pytest.raises(PolicyError, match=r"2 missing keys in the weights, such as plans.bias"):
        make(write(tmp_path, config, headless))
    with pytest.raises(PolicyError, match=r"1 unexpected keys in the weights, such as x.weight"):
        make(write(tmp_path, config, weights | foreign))
    with pytest.raises(PolicyError, match="no checkpoint of the reference policy in"):
        make(write(tmp_path, config, weights | {"plans.bias": torch.zeros(5)}))
    with pytest.raises(PolicyError, match="weight plans.bias has values that are not finite"):
        make(write(tmp_path, config, weights | {"plans.bias": torch.full_like(weights["plans.bias"], float("nan"))}))
    assert isinstance(make(write(tmp_path, config, weights)), Policy)


def test_it_drives_the_robot_that_it_was_trained_on_and_no_other() -> None:
    ur5e = load_robot("ur5e")
    named = tuple(f"left_{name}" for name in ur5e.arm_names) + ("finger_joint",)
    closed = np.append(ur5e.upper[:-1], 0.7929)
    make(robot=dataclasses.replace(ur5e, name="left", names=named, upper=closed, gripper_closed=0.7929))
    with pytest.raises(PolicyError, match=r"drives ur5e \(shoulder_pan_joint, .*\), not panda \(panda_joint1, "):
        make(robot=load_robot("panda"))
    with pytest.raises(
        PolicyError, match=r"gripper goes from 0 \(open\) to 0.8 \(closed\) rad, that of ur5e from 0 to 0.085"
    ):
        make(robot=dataclasses.replace(ur5e, gripper_closed=0.085))


def test_mistakes_are_named(shipped: ReferencePolicy, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no checkpoint in '.*nowhere': config.json and model.safetensors missing"):
        make(str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text((WEIGHTS / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(PolicyError, match="no checkpoint of the reference policy in"):
        make(str(tmp_path))
    with pytest.raises(PolicyError, match="takes no server"):
        make(server="http://localhost:8000")
    with pytest.raises(PolicyError, match="needs camera 'wrist_camera'; the observation has: base_camera"):
        shipped.act(Observation({"base_camera": np.zeros((256, 256, 3), np.uint8)}, HOME, "", 0))
    with pytest.raises(PolicyError, match="takes images of 256x256x3"):
        shipped.act(Observation(dict.fromkeys(ReferencePolicy.cameras, np.zeros((64, 64, 3), np.uint8)), HOME, "", 0))
