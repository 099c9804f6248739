"""Behaviour cloning of the expert's plans: resumable, deterministic for given shards and seed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from embodiedcomp_policy.policies.reference_network import ReferenceConfig, ReferenceNetwork, pack_instructions
from embodiedcomp_policy.relative_plan import features, from_poses
from embodiedcomp_policy.training.examples import Examples

INSTRUCTION = "Pick up the object"
STAY = ("Hold still", "Stop", "Wait", "Do not move")
"""Instructions that mean: stay where you are. Mixed in, so that the text matters."""
STAY_SHARE = 0.03
GRIPPER_WEIGHT = 0.5
OTHERS = 0.05
"""Share of the loss on candidates other than the best: keeps each of them alive."""


def tensors(examples: Examples) -> dict[str, Tensor]:
    """What a batch is cut from; images stay uint8."""
    return {
        "base": torch.from_numpy(examples.base),
        "wrist": torch.from_numpy(examples.wrist),
        "state": torch.from_numpy(features(examples.state, examples.tool)),
        "plan": torch.from_numpy(from_poses(examples.plan, examples.tool)),
        "goal": torch.from_numpy(from_poses(examples.goal[:, None], examples.tool)[:, 0]),
    }


def loss_of(plans: Tensor, scores: Tensor, goal: Tensor, plan: Tensor, true_goal: Tensor) -> tuple[Tensor, Tensor]:
    """-> (loss, mean displacement error of the chosen candidate, in units of 0.05 m).

    Winner takes all over the candidates: only the one nearest to the label is pulled towards it.
    """
    move = nn.functional.smooth_l1_loss(
        plans[..., :4], plan[:, None, :, :4].expand_as(plans[..., :4]), beta=0.05, reduction="none"
    )
    near = 1.0 / (0.3 + true_goal[:, :2].norm(dim=1)[:, None])
    close = nn.functional.binary_cross_entropy_with_logits(
        plans[..., 4], plan[:, None, :, 4].expand_as(plans[..., 4]), reduction="none"
    )
    each = move.mean(dim=(2, 3)) * (0.5 + near) + GRIPPER_WEIGHT * close.mean(dim=2)
    winner = each.argmin(dim=1)
    best = each.gather(1, winner[:, None]).mean()
    choice = nn.functional.cross_entropy(scores, winner)
    side = nn.functional.smooth_l1_loss(goal, true_goal, beta=0.05)
    chosen = plans[torch.arange(len(plans)), scores.argmax(dim=1)]
    error = (chosen[..., :3] - plan[..., :3]).norm(dim=2).mean().detach()
    return (1 - OTHERS) * best + OTHERS * each.mean() + 0.1 * choice + 0.3 * side, error


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Shuffled index batches of one epoch; the last, smaller one is left out."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def train(
    examples: Examples,
    folder: Path,
    *,
    epochs: int,
    batch: int = 64,
    rate: float = 1e-3,
    seed: int = 0,
    start_from: Path | None = None,
    stop_after: int | None = None,
    report: Any = print,
) -> None:
    """Train for ``epochs`` and write the network to ``folder`` (Hugging Face format); resumes at the last whole epoch.

    start_from: a folder with a network to go on from (DAgger rounds). stop_after: leave the schedule of ``epochs`` there,
        for a network that is only to be corrected next. The checkpoint beside the weights holds optimiser
    and schedule; it is loaded with ``weights_only=True``.
    """
    torch.manual_seed(seed)
    data = tensors(examples)
    network = ReferenceNetwork.from_pretrained(start_from) if start_from else ReferenceNetwork(ReferenceConfig())
    # Twice as fast on a CPU; images come in this layout anyway.
    network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    per_epoch = len(examples) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=max(1, epochs * per_epoch), pct_start=0.1
    )
    checkpoint = folder / "training.pt"
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        first = int(saved["epoch"])
    for epoch in range(first, min(epochs, stop_after or epochs)):
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        network.train()
        started, total, errors = time.monotonic(), 0.0, 0.0
        for index in batches(len(examples), batch, generator):
            loss, error = _step(network, {k: v[index] for k, v in data.items()}, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total, errors = total + float(loss.detach()), errors + float(error)
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "epoch": epoch + 1,
        }
        torch.save(state, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").rename(checkpoint)
        steps = max(1, per_epoch)
        report(
            f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  error {50 * errors / steps:.1f} mm  "
            f"{len(examples) / (time.monotonic() - started):.0f} examples/s"
        )
    network.to(memory_format=torch.contiguous_format)
    network.eval().save_pretrained(folder)


def _step(network: ReferenceNetwork, part: dict[str, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    count = len(part["state"])
    stay = torch.rand(count, generator=generator) < STAY_SHARE
    plan, goal = part["plan"].clone(), part["goal"]
    plan[stay] = 0.0
    plan[stay, :, 4] = (part["state"][stay, 6] > 0.2).float()[:, None]
    texts = [STAY[i % len(STAY)] if s else INSTRUCTION for i, s in enumerate(stay.tolist())]
    plans, scores, side = network(part["base"], part["wrist"], part["state"], *pack_instructions(texts))
    return loss_of(plans, scores, side, plan, goal)
