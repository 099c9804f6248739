"""``reference``: the policy that ships with the suite. Sees two images, joint state and text; plans 1.2 s ahead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.relative_plan import features, to_poses
from embodiedcomp_policy.robot import Robot, load_robot
from embodiedcomp_policy.training.examples import halve
from embodiedcomp_policy.vertical import joints_of, tool_of

if TYPE_CHECKING:
    from embodiedcomp_policy.policies.reference_network import ReferenceNetwork

WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "reference"
ROBUST_WEIGHTS = WEIGHTS.with_name("reference-robust")
PERIOD_NS = 100_000_000
"""Between the targets of a chunk."""
ROBOT = "ur5e"
"""What it was trained on."""
ALIKE = 0.05
"""rad: how far another file's gripper may end from the one it was trained with (0.8 of a 2F-85 is 0.7929 elsewhere)."""


class ReferencePolicy:
    """See ``Policy``. Deterministic: one thread, no random choice."""

    cameras = ("base_camera", "wrist_camera")

    def __init__(self, folder: Path, robot_description: str | None = None) -> None:
        import torch
        from transformers.utils import logging

        from embodiedcomp_policy.policies.reference_network import pack_instructions

        logging.disable_progress_bar()
        torch.set_num_threads(1)
        self._torch = torch
        self._pack = pack_instructions
        self._network = _load(folder).eval().to(memory_format=torch.channels_last)
        robot = load_robot(ROBOT)
        self._arm = load_arm(robot, robot_description)
        side = 2 * self._network.config.view
        grey = np.full((side, side, 3), 127, dtype=np.uint8)
        probe = Observation(dict.fromkeys(self.cameras, grey), (robot.lower + robot.upper) / 2, "", 0)
        if not np.isfinite(self.act(probe).positions).all():
            raise PolicyError(f"the weights in '{folder}' answer with values that are not finite")

    def reset(self, seed: int) -> None:
        """Nothing to forget: each answer depends on its observation alone."""

    def act(self, observation: Observation) -> Chunk:
        """Raises PolicyError where a camera is missing or an image is not 256 x 256."""
        views = [self._view(observation, camera) for camera in self.cameras]
        arm_state = observation.state[:-1]
        tool = tool_of(self._arm, arm_state)
        torch = self._torch
        with torch.inference_mode():
            plans, scores, _ = self._network(
                torch.from_numpy(views[0])[None],
                torch.from_numpy(views[1])[None],
                torch.from_numpy(features(observation.state[None], tool[None])),
                *self._pack([observation.instruction]),
            )
        best = plans[0, int(scores[0].argmax())].double().numpy()
        poses = to_poses(best, tool, float(observation.state[-1]))
        times = np.arange(1, len(poses) + 1, dtype=np.int64) * PERIOD_NS
        return Chunk(observation.stamp_ns, times, joints_of(self._arm, arm_state, poses))

    def _view(self, observation: Observation, camera: str) -> npt.NDArray[np.uint8]:
        if camera not in observation.images:
            seen = ", ".join(observation.images) or "none"
            raise PolicyError(f"the reference policy needs camera '{camera}'; the observation has: {seen}")
        image = observation.images[camera]
        side = 2 * self._network.config.view
        if image.shape != (side, side, 3):
            raise PolicyError(f"the reference policy takes images of {side}x{side}x3; '{camera}' gave {image.shape}")
        return halve(image)


def _load(folder: Path) -> ReferenceNetwork:
    """The network with all of its weights, its own and finite. Raises PolicyError."""
    import torch

    from embodiedcomp_policy.policies.reference_network import ReferenceConfig, ReferenceNetwork

    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = told.get("model_type") if isinstance(told, dict) else None
    if kind != ReferenceConfig.model_type:
        raise PolicyError(f"config.json is of a '{kind}', not of a '{ReferenceConfig.model_type}'")
    network, loading = ReferenceNetwork.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True
    )
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found := sorted(map(str, loading[what])):
            raise PolicyError(f"{len(found)} {what.replace('_', ' ')} in the weights, such as {found[0]}")
    for name, values in network.state_dict().items():
        if not torch.isfinite(values).all():
            raise PolicyError(f"weight {name} has values that are not finite")
    loaded: ReferenceNetwork = network
    return loaded


def _check(robot: Robot) -> None:
    """Joints may bear a prefix and the gripper another name; everything else must be what it was trained on."""
    own = load_robot(ROBOT)
    alike = len(robot.names) == len(own.names) and robot.gripper == own.gripper
    alike = alike and all(name.endswith(known) for name, known in zip(robot.arm_names, own.arm_names, strict=True))
    if not alike:
        raise PolicyError(
            f"the reference policy drives {ROBOT} ({', '.join(own.names)}), not {robot.name} ({', '.join(robot.names)})"
        )
    ends, known = ((r.gripper_open, r.gripper_closed) for r in (robot, own))
    if not np.allclose(ends, known, atol=ALIKE):
        raise PolicyError(
            f"the reference policy's gripper goes from {known[0]:g} (open) to {known[1]:g} (closed) rad, that of {robot.name} "
            f"from {ends[0]:g} to {ends[1]:g}"
        )


def make(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> ReferencePolicy:
    """The entry point's factory. ``checkpoint``: a folder with config.json and model.safetensors; default: the shipped one."""
    return _make(Path(checkpoint) if checkpoint else WEIGHTS, server, robot_description, robot)


def make_robust(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> ReferencePolicy:
    """The same for ``reference-robust``: the reference, fine-tuned on what codecs leave of the pictures."""
    return _make(Path(checkpoint) if checkpoint else ROBUST_WEIGHTS, server, robot_description, robot)


def _make(folder: Path, server: str | None, robot_description: str | None, robot: Robot | None) -> ReferencePolicy:
    if server:
        raise PolicyError(f"the reference policy runs in process: it takes no server ('{server}')")
    if robot is not None:
        _check(robot)
    missing = [name for name in ("config.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        raise PolicyError(f"no checkpoint in '{folder}': {' and '.join(missing)} missing")
    try:
        return ReferencePolicy(folder, robot_description=robot_description)
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise PolicyError(
            f"no checkpoint of the reference policy in '{folder}': {' '.join(str(error).split())}"
        ) from error
