"""Made-up results of a sweep, for tests of analysis and report only: no simulator ran, and every folder says so."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from embodiedcomp_eval.sweep_config import Cell, sweep_from_mapping
from embodiedcomp_eval.sweep_folder import SweepFolder

OBJECTS = ("milk", "can", "cube")
VALUES: dict[str, Any] = {
    "name": "synthetic test data",
    "seeds": [10000, 10039],
    "common": {"policy": "reference"},
    "cells": [
        {"codec": "none"},
        {"codec": "av1", "mode": ["inter", "intra"], "target_bpp": [0.01, 0.02, 0.04, 0.08]},
        {"codec": "webp", "mode": "intra", "target_bpp": [0.02, 0.04, 0.08]},
        {"codec": "none", "sensor": "real"},
        {"codec": "av1", "mode": "inter", "sensor": "real", "target_bpp": [0.02, 0.04, 0.08]},
        {"codec": "none", "timing": "charged"},
    ],
    "primary": {
        "candidate": {"codec": "av1", "mode": "inter", "target_bpp": 0.04, "sensor": "clean"},
        "anchor": {"codec": "webp", "target_bpp": 0.04},
    },
    "secondary": [
        {
            "candidate": {"codec": "av1", "mode": "intra", "target_bpp": 0.08},
            "anchor": {"codec": "webp", "target_bpp": 0.08},
        }
    ],
    "anchor": {"codec": "webp", "mode": "intra", "sensor": "clean"},
}
MIDPOINT = {("av1", "inter"): 0.011, ("av1", "intra"): 0.02, ("webp", "intra"): 0.035}


def make_line(cell: Cell, seed: int, frame_bytes: int | None = None) -> dict[str, Any]:
    """An episode's line with every key of a real one; success follows from the rate and the seed."""
    trial = cell.trial
    luck = np.random.default_rng(seed).random()
    if trial.codec == "none":
        chance, size = 0.92, 196608
    else:
        middle = MIDPOINT[trial.codec, trial.mode] * (1.5 if trial.sensor == "real" else 1.0)
        chance = 0.92 / (1.0 + (trial.target_bpp / middle) ** -3.5)
        size = round(trial.target_bpp * 65536 / 8)
    size = size if frame_bytes is None else frame_bytes
    success = bool(luck < chance)
    steps = 60 + seed % 7 if success else 250
    queries = math.ceil(steps / 10)
    return {
        "episode": seed - cell.seeds[0],
        "seed": seed,
        "success": success,
        "steps": steps,
        "queries": queries,
        "lift": 0.13 if success else 0.01,
        "path_length": 3.0 + luck,
        "action_efficiency": 0.5,
        "jerk": 4.0,
        "frames_sent": 2 * queries,
        "frames_lost": 0,
        "key_frames": 2,
        "frames_at_floor": 0,
        "frames_at_ceiling": 0,
        "pixels": 2 * queries * 65536,
        "payload_bytes": 2 * queries * size,
        "payload_bpp": 8 * size / 65536,
        "wire_bytes": 2 * queries * (size + 250),
        "wire_bpp": 8 * (size + 250) / 65536,
        "bits_per_second": 16 * queries * size / (steps / 10),
        "duration": steps / 10,
        "frame_bytes": {"base_camera": [size] * queries, "wrist_camera": [size] * queries},
        "actions_sha256": "0" * 64,
        "packets_sha256": "0" * 64,
        "scene": {"object": OBJECTS[seed % 3], "seed": seed},
        "quality": {"psnr": 20 + 5 * chance, "ms_ssim": 0.5 + chance / 2, "action_error": 0.1 * (1 - chance)},
        "wall": {
            "wall_seconds": 1.0,
            "latency_ms": {"encode": [2.0] * 4, "decode": [1.0] * 4, "policy": [18.0] * 2, "frame_age": [3.0] * 2},
        },
    }


def make_frames(seed: int, shade: int, steps: int = 5) -> dict[str, bytes]:
    """Small pictures named as a sweep names them."""
    files = {}
    for camera in ("base_camera", "wrist_camera"):
        for step in range(0, steps * 10, 10):
            for kind in ("decoded", "source"):
                pixels = np.full((32, 32, 3), (shade, 4 * step, 200 if kind == "source" else 80), np.uint8)
                content = io.BytesIO()
                Image.fromarray(pixels).save(content, "WEBP")
                files[f"{seed}/{camera}.{step:04d}.{kind}.webp"] = content.getvalue()
    return files


def make_sweep(path: Path, values: dict[str, Any] | None = None) -> Path:
    """A finished sweep folder of synthetic episodes, with pictures for the first seed of three cells and one error."""
    values = values or VALUES
    config = sweep_from_mapping(values, "synthetic.yaml")
    with SweepFolder(path, values, {"note": "synthetic test data, </script> not measured"}) as folder:
        for cell, seed in config.work():
            pictured = seed == cell.seeds[0] and config.cells.index(cell) < 3
            frames = make_frames(seed, 60 * config.cells.index(cell)) if pictured else None
            folder.append(cell.name, make_line(cell, seed), frames)
        folder.append_error(config.cells[1].name, 10003, 1, "RuntimeError: made up")
        folder.sort(cell.name for cell in config.cells)
    return path
