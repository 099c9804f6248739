"""Training of learned codecs, at sizes that take a second: it learns, it survives interruption, its files code."""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("compressai")
torch = pytest.importorskip("torch")

from embodiedcomp_codec.codec import CodecError  # noqa: E402
from embodiedcomp_codec.registry import get_codec  # noqa: E402
from embodiedcomp_codec.sequences import panning  # noqa: E402
from embodiedcomp_codec.training import learned  # noqa: E402
from embodiedcomp_codec.training.frames import Frames, save_shard  # noqa: E402
from embodiedcomp_codec.training.learned import Recipe, finish, take_over, train, write_weights  # noqa: E402
from embodiedcomp_codec.training.measure import measure  # noqa: E402
from embodiedcomp_codec.weights import use_weights  # noqa: E402

SMALL = Recipe("bmshj2018-hyperprior", 0.01, n=8, m=12, steps=6, batch=2, crop=64)
NAMES = [
    "bmshj2018-factorized",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    path = tmp_path_factory.mktemp("frames") / "frames.npy"
    save_shard(path, np.stack(panning(6, 96, 96)))
    return Frames([path])


def quiet(text: str) -> None:
    """Reports go nowhere."""


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_trains_and_its_file_codes(name: str, frames: Frames, tmp_path: pathlib.Path) -> None:
    recipe = dataclasses.replace(SMALL, architecture=name, steps=2)
    file = tmp_path / f"{name}-1.safetensors"
    write_weights(file, finish(train(recipe, frames, tmp_path / "state.pt", quiet)), {"lambda": "0.01"})
    points = measure(name, file, [frames[0]])
    assert [point.downsample for point in points] == [8, 6, 4, 2]
    assert all(point.bpp > 0 and point.psnr > 0 for point in points)


def test_it_learns(frames: Frames, tmp_path: pathlib.Path) -> None:
    recipe = dataclasses.replace(SMALL, steps=80, batch=4)
    pixels = torch.from_numpy(frames.batch(10_000, 8, 64, 1))
    torch.manual_seed(0)
    before = learned.loss_of(learned.build(recipe), pixels, recipe.lmbda)[0].item()
    network = train(recipe, frames, tmp_path / "state.pt", quiet)
    assert learned.loss_of(network, pixels, recipe.lmbda)[0].item() < 0.5 * before


VICTIM = """
import pathlib, sys, torch
from embodiedcomp_codec.training import learned
from embodiedcomp_codec.training.frames import Frames
torch.set_num_threads(int(sys.argv[3]))
learned.SAVE_EVERY = learned.REPORT_EVERY = -1.0
recipe = learned.Recipe("bmshj2018-hyperprior", 0.01, n=8, m=12, steps=int(sys.argv[4]), batch=2, crop=64)
learned.train(recipe, Frames([pathlib.Path(sys.argv[1])]), pathlib.Path(sys.argv[2]), lambda text: print(text, flush=True))
"""


def test_a_training_killed_in_mid_step_ends_in_the_same_weights(tmp_path: pathlib.Path) -> None:
    recipe = dataclasses.replace(SMALL, steps=60)
    shard, checkpoint = tmp_path / "frames.npy", tmp_path / "cut.pt"
    save_shard(shard, np.stack(panning(6, 96, 96)))
    arguments = [str(shard), str(checkpoint), str(torch.get_num_threads()), str(recipe.steps)]
    with subprocess.Popen([sys.executable, "-c", VICTIM, *arguments], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            if "step 20/" in line:
                victim.kill()  # SIGKILL, wherever it is by now: in a step, or in the middle of a checkpoint
    assert victim.returncode == -signal.SIGKILL
    said: list[str] = []
    resumed = finish(train(recipe, Frames([shard]), checkpoint, said.append))
    assert 19 <= int(said[0].removeprefix("going on from step ")) < recipe.steps
    whole = finish(train(recipe, Frames([shard]), tmp_path / "whole.pt", quiet))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_checkpoint_of_another_recipe_is_refused(frames: Frames, tmp_path: pathlib.Path) -> None:
    train(dataclasses.replace(SMALL, steps=1), frames, tmp_path / "state.pt", quiet)
    with pytest.raises(CodecError, match="choose another folder") as caught:
        train(SMALL, frames, tmp_path / "state.pt", quiet)
    assert "\n" not in str(caught.value)


def test_another_architecture_takes_over_what_fits(frames: Frames, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "start.safetensors"
    state = finish(train(dataclasses.replace(SMALL, steps=1), frames, tmp_path / "state.pt", quiet))
    write_weights(file, state, {})
    network = learned.build(dataclasses.replace(SMALL, architecture="mbt2018-mean", seed=1))
    other = network.h_s[0].weight.clone()
    assert take_over(network, file) > 30
    assert torch.equal(network.g_a[0].weight, state["g_a.0.weight"].float())
    assert torch.equal(network.h_s[0].weight, other)


def test_the_file_is_small_and_exactly_what_codes(frames: Frames, tmp_path: pathlib.Path) -> None:
    state = finish(train(dataclasses.replace(SMALL, steps=1), frames, tmp_path / "state.pt", quiet))
    assert state["g_a.0.weight"].dtype == torch.float16 and state["g_a.1.gamma"].dtype == torch.float32
    file = tmp_path / "bmshj2018-hyperprior-1.safetensors"
    write_weights(file, state, {"lambda": "0.01"})
    use_weights(file)
    try:
        codec = get_codec("bmshj2018-hyperprior")
        network = codec.network(codec.weights, 30)  # type: ignore[attr-defined]
    finally:
        use_weights(None)
    assert codec.name == SMALL.architecture
    assert torch.equal(network.g_s[0].weight, state["g_s.0.weight"].float())
    assert torch.equal(network.entropy_bottleneck._quantized_cdf, state["entropy_bottleneck._quantized_cdf"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "bpg"}, "unknown architecture 'bpg'; choose one of: bmshj2018-factorized"),
        ({"lmbda": 0.0}, "lambda 0 is impossible"),
        ({"lmbda": float("inf")}, "lambda inf is impossible"),
        ({"crop": 100}, "crop 100 is impossible; choose a multiple of 64"),
        ({"steps": 0}, "steps 0 is impossible"),
        ({"rate": 1.0}, "learning rate 1 is outside"),
    ],
)
def test_impossible_recipes_are_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(CodecError, match=words) as caught:
        dataclasses.replace(SMALL, **change).validate()  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_errors_weigh_more_at_first_and_then_as_asked() -> None:
    recipe = dataclasses.replace(SMALL, steps=100, ease=8.0)
    weights = [recipe.weight(step) for step in range(100)]
    assert weights[0] == pytest.approx(8 * recipe.lmbda) and weights == sorted(weights, reverse=True)
    assert set(weights[30:]) == {recipe.lmbda}
