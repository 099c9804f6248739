"""``reference``: the policy that ships with the suite. Sees two images, joint state and text; plans 1.2 s ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.relative_plan import features, to_poses
from embodiedcomp_policy.robot import load_robot
from embodiedcomp_policy.training.examples import halve
from embodiedcomp_policy.vertical import joints_of, tool_of

WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "reference"
ROBUST_WEIGHTS = WEIGHTS.with_name("reference-robust")
PERIOD_NS = 100_000_000
"""Between the targets of a chunk."""


class ReferencePolicy:
    """See ``Policy``. Deterministic: one thread, no random choice."""

    cameras = ("base_camera", "wrist_camera")

    def __init__(self, folder: Path, robot: str = "ur5e", robot_description: str | None = None) -> None:
        import torch
        from transformers.utils import logging

        from embodiedcomp_policy.policies.reference_network import ReferenceNetwork, pack_instructions

        logging.disable_progress_bar()
        torch.set_num_threads(1)
        self._torch = torch
        self._pack = pack_instructions
        network = ReferenceNetwork.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        self._network = network.eval().to(memory_format=torch.channels_last)
        self._arm = load_arm(load_robot(robot), robot_description)

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


def make(
    checkpoint: str | None = None, server: str | None = None, robot_description: str | None = None
) -> ReferencePolicy:
    """The entry point's factory. ``checkpoint``: a folder with config.json and model.safetensors; default: the shipped one."""
    return _make(Path(checkpoint) if checkpoint else WEIGHTS, server, robot_description)


def make_robust(
    checkpoint: str | None = None, server: str | None = None, robot_description: str | None = None
) -> ReferencePolicy:
    """The same for ``reference-robust``: the reference, fine-tuned on what codecs leave of the pictures."""
    return _make(Path(checkpoint) if checkpoint else ROBUST_WEIGHTS, server, robot_description)


def _make(folder: Path, server: str | None, robot_description: str | None) -> ReferencePolicy:
    if server:
        raise PolicyError(f"the reference policy runs in process: it takes no server ('{server}')")
    missing = [name for name in ("config.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        raise PolicyError(f"no checkpoint in '{folder}': {' and '.join(missing)} missing")
    try:
        return ReferencePolicy(folder, robot_description=robot_description)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise PolicyError(
            f"no checkpoint of the reference policy in '{folder}': {' '.join(str(error).split())}"
        ) from error
