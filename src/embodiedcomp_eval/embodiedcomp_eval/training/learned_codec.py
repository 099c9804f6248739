"""Weights of a learned codec from nothing: training frames, one training a lambda, real strings on development seeds.

Everything lies in one folder, and each stage is skipped where its file is there already: ``frames/`` and ``development/``
(pictures, shared by all codecs), ``CODEC/lambda-X.pt`` (a training's state), ``CODEC/CODEC-NUMBER.safetensors``, coarsest first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.training.frames import Frames
from embodiedcomp_eval.provenance import commit
from embodiedcomp_eval.training import codec_frames

if TYPE_CHECKING:
    from embodiedcomp_codec.training.learned import Recipe
    from embodiedcomp_codec.training.measure import Point

LAMBDAS = (0.0006, 0.003)
"""Of the shipped weights."""
EASE = 8.0
"""By how much more errors weigh while a network is new."""
LABEL = "trained here, on rendered frames of ur5e_lift: not CompressAI's published weights"

Made = tuple[Path, "dict[str, list[Point]]"]
"""A weight file, and its points on development frames of scenes shown in training and of scenes left out."""


@dataclass(frozen=True)
class Plan:
    """Options of ``train-codec``. more_steps: of every lambda but the first, the largest, from which it goes on."""

    codec: str
    lambdas: tuple[float, ...] = LAMBDAS
    n: int = 48
    m: int = 64
    steps: int = 3000
    more_steps: int = 1500
    batch: int = 4
    crop: int = 128
    rate: float = 1e-3
    start: Path | None = None
    shards: int = 10
    workers: int = 2

    def recipes(self) -> list[Recipe]:
        """One training a lambda, in the order of training: the largest first."""
        from embodiedcomp_codec.training.learned import Recipe

        return [
            Recipe(
                self.codec, lmbda, self.n, self.m, self.steps if index == 0 else self.more_steps, self.batch, self.crop,
                self.rate, ease=EASE if index == 0 and self.start is None else 1.0,
            )
            for index, lmbda in enumerate(sorted(set(self.lambdas), reverse=True))
        ]  # fmt: skip


def check(plan: Plan) -> None:
    """Raise CodecError with one line on anything impossible, before anything is rendered."""
    for recipe in plan.recipes():
        recipe.validate()
        if recipe.crop > codec_frames.SIDE:
            raise CodecError(f"crop {recipe.crop} exceeds the frames' {codec_frames.SIDE} px")


def train_learned_codec(plan: Plan, out: Path, report: Callable[[str], None]) -> list[Made]:
    """Run every stage that isn't done; returns the weight files, coarsest first, with what they give."""
    paths = codec_frames.collect_frames(out / "frames", plan.shards, plan.workers, report)
    development = codec_frames.collect_development(out / "development", report)
    # Here and not above: the renderers live in processes of their own, where torch must not follow them.
    import torch

    torch.set_num_threads(plan.workers)
    recipes, folder = plan.recipes(), out / plan.codec
    files = [folder / f"{plan.codec}-{number}.safetensors" for number in range(len(recipes), 0, -1)]
    start = plan.start
    for recipe, file in zip(recipes, files, strict=True):
        if not file.exists():
            _train(recipe, Frames(paths), file, start, plan, report)
        start = file
    made = []
    for file in reversed(files):
        tables = _measured(plan.codec, file, development, report)
        made.append((file, tables))
    return made


def _train(
    recipe: Recipe, frames: Frames, file: Path, start: Path | None, plan: Plan, report: Callable[[str], None]
) -> None:
    from embodiedcomp_codec.training.learned import finish, train, write_weights

    report(f"{recipe.architecture} lambda {recipe.lmbda:g}: {recipe.steps} steps on {len(frames)} frames")
    began = time.monotonic()
    checkpoint = file.parent / f"lambda-{recipe.lmbda:g}.pt"
    network = train(recipe, frames, checkpoint, report, start)
    facts = {
        "label": LABEL,
        **{name: str(value) for name, value in asdict(recipe).items()},
        "lambda": f"{recipe.lmbda:g}",
        "started_from": start.name if start else "nothing",
        "frames": str(len(frames)),
        "training_seeds": codec_frames.seeds_in_words(plan.shards),
        "left_out": codec_frames.left_out_in_words(),
        "commit": commit(),
        "minutes_of_last_run": f"{(time.monotonic() - began) / 60:.1f}",
    }
    write_weights(file, finish(network), facts)
    report(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB")


def _measured(
    codec: str, file: Path, development: dict[str, Path], report: Callable[[str], None]
) -> dict[str, list[Point]]:
    from embodiedcomp_codec.training.measure import Point, measure

    known = file.with_suffix(".json")
    if known.exists() and known.stat().st_mtime >= file.stat().st_mtime:
        rows: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
        return {kind: [Point(**row) for row in points] for kind, points in rows.items()}
    tables = {}
    for kind, path in development.items():
        frames = Frames([path])
        report(f"{file.name}: {len(frames)} development frames, scenes {kind}")
        tables[kind] = measure(codec, file, (frames[index] for index in range(len(frames))))
    rows = {kind: [point.as_dict() for point in points] for kind, points in tables.items()}
    known.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return tables
