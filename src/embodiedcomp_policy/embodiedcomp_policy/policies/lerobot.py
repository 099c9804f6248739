"""A LeRobot policy in this process, in an environment of its own: lerobot 0.4 needs older torch, transformers and av.

``checkpoint:=FOLDER``, as lerobot's ``save_pretrained`` of policy and processors writes it. ``embodiedcomp.json`` beside them
says what the actions are (``policies/checkpoint.py``). The policy's image keys, in order, get base and wrist camera. Only
folders are read, nothing comes from the network; lerobot's own asynchronous server carries pickle and isn't used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.action_space import ActionDecoder, ActionSpace
from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.checkpoint import DEFAULT_ROBOT, checkpoint_folder, read_told, torch_device
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.registry import make_arm
from embodiedcomp_policy.robot import Robot, load_robot

CAMERAS = ("base_camera", "wrist_camera")


class LeRobotPolicy:
    """Any of lerobot's policies that predict a chunk of actions."""

    def __init__(
        self,
        folder: Path,
        robot: Robot,
        space: ActionSpace,
        robot_description: str | None = None,
        device: str | None = None,
    ) -> None:
        import torch
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        torch.set_num_threads(1)
        where = torch_device("lerobot", device)
        torch.use_deterministic_algorithms(True, warn_only=where.type != "cpu")
        self._torch = torch
        try:
            config = PreTrainedConfig.from_pretrained(folder, local_files_only=True)
            config.device = str(where)
            kind = get_policy_class(config.type)
            self._policy = kind.from_pretrained(folder, config=config, local_files_only=True, strict=True)
            self._before, self._after = make_pre_post_processors(
                config,
                pretrained_path=str(folder),
                # As saved it names the device that it was trained on.
                preprocessor_overrides={"device_processor": {"device": str(where)}},
            )
        except (OSError, ValueError, KeyError, RuntimeError, AssertionError) as error:
            raise PolicyError(
                f"policy 'lerobot': '{folder}' can't be loaded: {' '.join(str(error).split())[:300]}"
            ) from error
        self._images = list(config.image_features)
        if not 1 <= len(self._images) <= len(CAMERAS):
            raise PolicyError(f"policy 'lerobot': the checkpoint wants {len(self._images)} images, there are 1 or 2")
        self.cameras = CAMERAS[: len(self._images)]
        self._shapes = {key: tuple(config.image_features[key].shape[1:]) for key in self._images}
        state = config.robot_state_feature
        if state is not None and tuple(state.shape) != (len(robot.names),):
            raise PolicyError(
                f"policy 'lerobot': states have shape {tuple(state.shape)}, {robot.name} has {len(robot.names)}"
            )
        self.robot = robot
        arm = make_arm(robot, robot_description) if space.kind == "tool_delta" else None
        self._decoder = ActionDecoder("lerobot", space, robot, arm)
        self.reset(0)
        self._decoder.try_out(self._infer)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; sampling policies draw from torch's own generator."""
        self._policy.reset()
        self._torch.manual_seed(seed)

    def act(self, observation: Observation) -> Chunk:
        """Raises PolicyError where the answer doesn't fit the robot."""
        return self._decoder.chunk(self._infer(observation), observation)

    def _infer(self, observation: Observation) -> np.ndarray:
        """Actions ``(T, width)`` in the checkpoint's own units."""
        torch = self._torch
        state = observation.state.copy()
        if self.robot.gripper is not None:
            state[self.robot.gripper] = self._decoder.gripper_state(state)
        batch: dict[str, Any] = {"observation.state": torch.from_numpy(state.astype(np.float32))[None]}
        for key, camera in zip(self._images, self.cameras, strict=True):
            pixels = torch.from_numpy(observation.images[camera]).permute(2, 0, 1)[None].float() / 255
            size = self._shapes[key]
            if tuple(pixels.shape[2:]) != size:
                pixels = torch.nn.functional.interpolate(pixels, size, mode="bilinear", antialias=True)
            batch[key] = pixels
        batch["task"] = [observation.instruction]
        with torch.inference_mode():
            chunk = self._policy.predict_action_chunk(self._before(batch))
            result: np.ndarray = self._after(chunk)[0].double().cpu().numpy()
        return result


def make(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> LeRobotPolicy:
    """The entry point's factory. Raises PolicyError."""
    if server:
        raise PolicyError(f"policy 'lerobot' runs in process: it takes no server ('{server}')")
    folder = checkpoint_folder("lerobot", checkpoint, ("config.json", "model.safetensors"))
    told = read_told(folder)
    try:
        robot = robot if told.robot is None and robot is not None else load_robot(told.robot or DEFAULT_ROBOT)
        return LeRobotPolicy(folder, robot, told.space, robot_description, told.device)
    except ConfigError as error:
        raise PolicyError(f"{folder}: {error}") from error
    except ModuleNotFoundError as error:
        raise PolicyError(
            f"policy 'lerobot' needs the Python package '{error.name}': "
            "install requirements/optional/lerobot.txt in its own environment"
        ) from error
