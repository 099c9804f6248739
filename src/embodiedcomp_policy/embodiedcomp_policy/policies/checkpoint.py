"""What a checkpoint folder says about its own actions: the file ``embodiedcomp.json`` beside the weights.

    {"robot": "ur5e", "kind": "joint", "period": 0.05, "gripper_open": 0.0, "gripper_closed": 1.0}

robot: name in config/robots, by default the node's. period: s between actions. device: torch's name of where it runs, by
default ``cuda`` where there is one, else ``cpu``. The rest: ``ActionSpace``'s fields. Without the file: absolute joint targets
every 0.05 s, gripper 0 open to 1 closed.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from embodiedcomp_policy.action_space import ActionSpace
from embodiedcomp_policy.policy import PolicyError

FILE = "embodiedcomp.json"
DEFAULTS: dict[str, Any] = {"robot": None, "device": None, "kind": "joint", "period": 0.05}
DEFAULT_ROBOT = "ur5e"
"""Where neither the checkpoint nor who loads it names one."""
WORDS = ("robot", "device")
CHOICES = {"kind": ("joint", "joint_delta", "tool_delta"), "turn": ("vector", "rpy"), "frame": ("base", "tool")}


class Told(NamedTuple):
    """What ``embodiedcomp.json`` says. robot, device: None where it says nothing of them."""

    robot: str | None
    space: ActionSpace
    device: str | None = None


def checkpoint_folder(policy: str, checkpoint: str | None, files: tuple[str, ...]) -> Path:
    """The folder, once it is known to hold ``files``. Raises PolicyError naming what is missing."""
    if not checkpoint:
        raise PolicyError(f"policy '{policy}' needs checkpoint:=FOLDER with {', '.join(files)}")
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        raise PolicyError(f"policy '{policy}': no such folder: {checkpoint}")
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise PolicyError(f"policy '{policy}': '{checkpoint}' has no {', no '.join(missing)}")
    return folder


def read_told(folder: Path) -> Told:
    """The folder's ``embodiedcomp.json``, or its defaults. Raises PolicyError."""
    path = folder / FILE
    fields = {field.name: field.type for field in dataclasses.fields(ActionSpace) if field.name != "period_ns"}
    known = ("robot", "period", "device", *fields)
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(told, dict):
        raise PolicyError(f"{path}: expected an object, found {type(told).__name__}")
    for key, value in told.items():
        if key not in known:
            raise PolicyError(f"{path}: unknown key '{key}'; valid keys: {', '.join(known)}")
        if key in CHOICES and value not in CHOICES[key]:
            raise PolicyError(f"{path}: unknown {key} '{value}'; there are: {', '.join(CHOICES[key])}")
        if key in WORDS and not (isinstance(value, str) and value):
            raise PolicyError(f"{path}: {key} must be a name, not '{value}'")
        if key not in (*CHOICES, *WORDS) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise PolicyError(f"{path}: {key} must be a number, not '{value}'")
    values = {**DEFAULTS, **told}
    robot, device, period = (values.pop(key) for key in ("robot", "device", "period"))
    if not 0 < period <= 10:
        raise PolicyError(f"{path}: period must be above 0 and at most 10 s, not {period}")
    space = ActionSpace(period_ns=round(1e9 * period), **values)
    if space.gripper_open == space.gripper_closed:
        raise PolicyError(f"{path}: gripper_open and gripper_closed must differ, both are {space.gripper_open}")
    return Told(robot, space, device)


def torch_device(policy: str, told: str | None) -> Any:
    """The ``torch.device`` to run on: the one told, else ``cuda`` where there is one, else ``cpu``. Raises PolicyError."""
    import torch

    # cuBLAS repeats its sums only with this, and torch refuses to be deterministic without.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    name = told or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:160]
        raise PolicyError(f"policy '{policy}': no device '{name}' here, which {FILE} may name: {reason}") from error
    return device
