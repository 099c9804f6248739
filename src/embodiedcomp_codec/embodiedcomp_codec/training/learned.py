"""Training of one set of weights: rate plus weighted distortion of crops, resumable, and the file that it ends in.

loss = bpp + lambda * 255^2 * MSE, as CompressAI trains its own (Balle et al. 2018), the rate estimated from the likelihoods
under additive noise. The quantiles, which no gradient of this loss reaches, are found by bisection once at the end.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.codecs.compress_ai_weights import PIXEL_SHUFFLE
from embodiedcomp_codec.training.frames import Frames

ONE_SIZE = ("cheng2020-anchor", "cheng2020-attn")
"""Architectures whose latent has as many channels as everything else: they take no M."""
HALF_FROM = 4
"""Tensors of so many dimensions (the convolutions) are stored in float16; everything that makes tables stays float32."""
WARM_UP = 50  # steps
EASE_SHARE = 0.3  # of the steps
LAST_RATE = 0.05  # of the first learning rate, at the last step
SAVE_EVERY = 30.0  # s
REPORT_EVERY = 20.0  # s


@dataclass(frozen=True)
class Recipe:
    """One training. n, m: channels of the transforms and of the latent. crop: px, a multiple of 64. rate: of learning.

    ease: by how much more errors weigh at first: a network from nothing learns to show pictures before it learns to save bits.
    """

    architecture: str
    lmbda: float
    n: int = 48
    m: int = 64
    steps: int = 3000
    batch: int = 4
    crop: int = 128
    rate: float = 1e-3
    seed: int = 0
    ease: float = 1.0

    def weight(self, step: int) -> float:
        """The lambda of one step: it falls from ``ease`` times as much to its own, in equal ratios, over the first steps."""
        left = max(0.0, 1 - step / (EASE_SHARE * self.steps))
        return float(self.lmbda * self.ease**left)

    def validate(self) -> None:
        """Raise CodecError with one line on anything impossible."""
        if self.architecture not in architectures():
            raise CodecError(
                f"unknown architecture {self.architecture!r}; choose one of: {', '.join(sorted(architectures()))}"
            )
        if not 0 < self.lmbda < math.inf:
            raise CodecError(f"lambda {self.lmbda:g} is impossible; choose a finite number above 0, such as 0.0018")
        if self.crop < 64 or self.crop % 64:
            raise CodecError(f"crop {self.crop} is impossible; choose a multiple of 64 px, such as 128")
        for name in ("n", "m", "steps", "batch"):
            if getattr(self, name) < 1:
                raise CodecError(f"{name} {getattr(self, name)} is impossible; choose 1 or more")
        if not 0 < self.rate < 1:
            raise CodecError(f"learning rate {self.rate:g} is outside 0 to 1")


def architectures() -> Mapping[str, Any]:
    """CompressAI's model classes by the names that codecs have here. Raises CodecError without CompressAI."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            from compressai.zoo.image import model_architectures
    except ImportError as error:
        raise CodecError(f"training needs CompressAI, which can't be imported here: {error}") from error
    return {name: kind for name, kind in model_architectures.items() if "_" not in name}


def build(recipe: Recipe) -> Any:
    """A fresh network, its first weights drawn from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    sizes = (recipe.n,) if recipe.architecture in ONE_SIZE else (recipe.n, recipe.m)
    return architectures()[recipe.architecture](*sizes)


def train(
    recipe: Recipe,
    frames: Frames,
    checkpoint: Path,
    report: Callable[[str], None],
    start: Path | None = None,
) -> Any:
    """Train for ``recipe.steps`` and return the network; goes on from ``checkpoint`` where that exists.

    start: a weight file to begin from; its tensors of like name and shape are taken, of another architecture too.
    Raises CodecError where the checkpoint was made by another recipe.
    """
    recipe.validate()
    network = build(recipe)
    if start is not None and not checkpoint.exists():
        report(f"{take_over(network, start)} tensors of {start.name} taken over")
    layout = torch.contiguous_format if recipe.architecture in PIXEL_SHUFFLE else torch.channels_last
    network = network.to(memory_format=layout).train()
    learned = [value for name, value in network.named_parameters() if not name.endswith("quantiles")]
    optimiser = torch.optim.Adam(learned, lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share_of_rate(step, recipe.steps))
    step, seconds = 0, 0.0
    if checkpoint.exists():
        step, seconds = _load(checkpoint, recipe, network, optimiser, schedule)
        report(f"going on from step {step}")
    saved = told = started = time.monotonic()
    recent: list[tuple[float, float]] = []
    while step < recipe.steps:
        pixels = torch.from_numpy(frames.batch(step, recipe.batch, recipe.crop, recipe.seed))
        torch.manual_seed(recipe.seed + step)  # the noise, too, is the same after an interruption
        loss, bpp, error = loss_of(network, pixels.contiguous(memory_format=layout), recipe.weight(step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        recent.append((bpp, error))
        now = time.monotonic()
        if now - told > REPORT_EVERY or step == recipe.steps:
            report(_words(recipe, step, recent, (seconds + now - started) / step))
            told, recent = now, []
        if now - saved > SAVE_EVERY or step == recipe.steps:
            _save(checkpoint, recipe, network, optimiser, schedule, step, seconds + now - started)
            saved = now
    return network


def loss_of(network: Any, pixels: Tensor, lmbda: float) -> tuple[Tensor, float, float]:
    """-> (loss, bits per pixel, mean squared error of pixels in [0, 1]) of one batch ``(B, 3, H, W)``."""
    out = network(pixels)
    count = pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
    bpp = sum(-likelihoods.log2().sum() for likelihoods in out["likelihoods"].values()) / count
    error = torch.nn.functional.mse_loss(out["x_hat"], pixels)
    return bpp + lmbda * 255**2 * error, float(bpp.detach()), float(error.detach())


def take_over(network: Any, start: Path) -> int:
    """Copy the tensors of a weight file that the network has too, in name and shape; returns how many."""
    theirs = safetensors.torch.load_file(start)
    count = 0
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name in theirs and theirs[name].shape == value.shape:
                value.copy_(theirs[name])
                count += 1
    return count


def finish(network: Any) -> dict[str, Tensor]:
    """The state dict to ship: convolutions rounded to float16, and the entropy coder's tables made from just these."""
    network = network.to(memory_format=torch.contiguous_format).eval()
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim >= HALF_FROM:
                value.copy_(value.half().float())
        network.update(force=True, update_quantiles=True)
    return {
        name: (value.half() if value.ndim >= HALF_FROM else value).contiguous()
        for name, value in network.state_dict().items()
    }


def write_weights(path: Path, state: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """A safetensors file with ``facts`` in its header; a killed process leaves no half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    safetensors.torch.save_file(dict(state), temporary, metadata=dict(facts))
    temporary.rename(path)


def _share_of_rate(step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    done = min(1.0, (step - WARM_UP) / max(1, steps - WARM_UP))
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done))


def _words(recipe: Recipe, step: int, recent: list[tuple[float, float]], pace: float) -> str:
    bpp = sum(row[0] for row in recent) / len(recent)
    error = sum(row[1] for row in recent) / len(recent)
    left = (recipe.steps - step) * pace / 60
    return (
        f"{recipe.architecture} lambda {recipe.lmbda:g}: step {step}/{recipe.steps}  {bpp:.4f} bpp of crops  "
        f"{-10 * math.log10(max(error, 1e-10)):.2f} dB  {pace:.2f} s a step  {left:.1f} min left"
    )


def _save(path: Path, recipe: Recipe, network: Any, optimiser: Any, schedule: Any, step: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "recipe": repr(recipe),
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "step": step,
        "seconds": seconds,
    }
    torch.save(state, path.with_suffix(".partial"))
    path.with_suffix(".partial").rename(path)


def _load(path: Path, recipe: Recipe, network: Any, optimiser: Any, schedule: Any) -> tuple[int, float]:
    saved = torch.load(path, weights_only=True)
    if saved["recipe"] != repr(recipe):
        raise CodecError(f"{str(path)!r} was begun as {saved['recipe']}, not as {recipe!r}; choose another folder")
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    schedule.load_state_dict(saved["schedule"])
    return int(saved["step"]), float(saved["seconds"])
