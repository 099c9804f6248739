"""The network of the reference policy: two views, the state and the instruction in, candidate plans out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

WORDS = 256
"""Buckets that the instruction's words are hashed into."""
STATE = 12
"""Joint positions and gripper (7), tool x, y, z (3), sine and cosine of the tool's yaw (2)."""


class ReferenceConfig(PretrainedConfig):
    """Sizes of the network.

    view: side of a view, pixels. horizon: poses in a plan. candidates: plans proposed at once; where two grasps are
    equally good (a cube at 45 degrees) each candidate commits to one, and their mean, which is neither, is never taken.
    """

    model_type = "embodiedcomp_reference"

    def __init__(
        self, view: int = 128, horizon: int = 12, candidates: int = 3, width: int = 24, hidden: int = 384, **kwargs: Any
    ) -> None:
        self.view = view
        self.horizon = horizon
        self.candidates = candidates
        self.width = width
        self.hidden = hidden
        super().__init__(**kwargs)


def word_ids(instruction: str) -> list[int]:
    """Bucket of each word of the instruction, in order; an empty instruction is the one bucket of "" ."""
    words = "".join(c if c.isalnum() else " " for c in instruction.lower()).split() or [""]
    return [zlib.crc32(word.encode()) % WORDS for word in words]


class ViewEncoder(nn.Module):
    """``(B, 3, V, V)`` in [-1, 1] -> ``(B, features)``: where things are (soft-argmax points) and what they look like."""

    def __init__(self, view: int, width: int) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(
            nn.Conv2d(3, w, 8, stride=4, padding=2), nn.BatchNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, w + w // 2, 3, padding=1), nn.BatchNorm2d(w + w // 2), nn.ReLU(),
        )  # fmt: skip
        self.body = nn.Sequential(
            nn.Conv2d(w + w // 2, 2 * w, 3, stride=2, padding=1), nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.Conv2d(2 * w, 3 * w, 3, padding=1), nn.BatchNorm2d(3 * w), nn.ReLU(),
            nn.Conv2d(3 * w, 3 * w, 3, padding=1), nn.BatchNorm2d(3 * w), nn.ReLU(),
        )  # fmt: skip
        self.fine = nn.Conv2d(w + w // 2, w // 2, 1)
        self.coarse = nn.Conv2d(3 * w, w, 1)
        self.shape = nn.Sequential(nn.Conv2d(3 * w, 2 * w, 3, stride=2, padding=1), nn.BatchNorm2d(2 * w), nn.ReLU())
        side = view // 16
        self.squeeze = nn.Linear(2 * w * side * side, 4 * w)
        self.features = 2 * (w // 2) + 2 * w + 4 * w

    def forward(self, image: Tensor) -> Tensor:
        fine = self.stem(image)
        coarse = self.body(fine)
        shape = torch.relu(self.squeeze(self.shape(coarse).flatten(1)))
        return torch.cat([_points(self.fine(fine)), _points(self.coarse(coarse)), shape], dim=1)


def _points(maps: Tensor) -> Tensor:
    """``(B, C, H, W)`` -> ``(B, 2C)``: the mean place of each map's softmax, in [-1, 1] (spatial soft-argmax)."""
    batch, channels, height, width = maps.shape
    weight = torch.softmax(maps.reshape(batch, channels, -1), dim=2).reshape(maps.shape)
    x = (weight.sum(dim=2) * torch.linspace(-1, 1, width)).sum(dim=2)
    y = (weight.sum(dim=3) * torch.linspace(-1, 1, height)).sum(dim=2)
    return torch.cat([x, y], dim=1)


class ReferenceNetwork(PreTrainedModel):
    """Plans are in the tool's own frame, relative to where it is: x, y, z (0.05 m), yaw (0.3 rad), and a logit to close."""

    config_class = ReferenceConfig
    main_input_name = "base"

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.base = ViewEncoder(config.view, config.width)
        self.wrist = ViewEncoder(config.view, config.width)
        self.text = nn.EmbeddingBag(WORDS, 16, mode="mean")
        self.proprioception = nn.Sequential(nn.Linear(STATE, 64), nn.ReLU())
        self.trunk = nn.Sequential(
            nn.Linear(self.base.features + self.wrist.features + 64 + 16, config.hidden), nn.ReLU(),
            nn.Linear(config.hidden, config.hidden), nn.ReLU(),
        )  # fmt: skip
        self.plans = nn.Linear(config.hidden, config.candidates * config.horizon * 5)
        self.scores = nn.Linear(config.hidden, config.candidates)
        self.goal = nn.Linear(config.hidden, 4)
        self.post_init()

    def forward(
        self, base: Tensor, wrist: Tensor, state: Tensor, words: Tensor, offsets: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """base, wrist ``(B, V, V, 3) uint8``; state ``(B, 12)``; words, offsets as ``nn.EmbeddingBag`` takes them.

        -> plans ``(B, K, T, 5)``, scores ``(B, K)``, the grasp ``(B, 4)`` relative to the tool (training's side task).
        """
        seen = [
            encoder(image.permute(0, 3, 1, 2).float() / 127.5 - 1.0)
            for encoder, image in ((self.base, base), (self.wrist, wrist))
        ]
        hidden = self.trunk(torch.cat([*seen, self.proprioception(state), self.text(words, offsets)], dim=1))
        plans = self.plans(hidden).reshape(len(state), self.config.candidates, self.config.horizon, 5)
        return plans, self.scores(hidden), self.goal(hidden)


def pack_instructions(instructions: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Instructions -> (words, offsets) for ``nn.EmbeddingBag``."""
    ids = [word_ids(text) for text in instructions]
    offsets = torch.tensor([0, *(len(i) for i in ids[:-1])]).cumsum(0)
    return torch.tensor([word for i in ids for word in i]), offsets
