"""Pi0 in this process, through transformers' own classes.

``checkpoint:=FOLDER``, as ``save_pretrained`` of model and processor writes it: config.json, model.safetensors, the
processor's files with the statistics of states and actions. ``embodiedcomp.json`` beside them says what the actions are
(``policies/checkpoint.py``). Safetensors only, no code from the checkpoint, nothing from the network.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import PI0ForConditionalGeneration, PI0Processor

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.action_space import ActionDecoder, ActionSpace
from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.checkpoint import DEFAULT_ROBOT, checkpoint_folder, read_told, torch_device
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import Robot, load_robot

INPUTS = ("state", "input_ids", "pixel_values", "attention_mask", "pixel_attention_mask")


class Pi0Policy:
    """Flow matching from noise that the episode's seed alone decides, so that paired trials differ by their pictures only."""

    cameras = ("base_camera", "wrist_camera")

    def __init__(
        self,
        folder: Path,
        robot: Robot,
        space: ActionSpace,
        robot_description: str | None = None,
        device: str | None = None,
    ) -> None:
        torch.set_num_threads(1)
        self._device = torch_device("pi0", device)
        torch.use_deterministic_algorithms(True, warn_only=self._device.type != "cpu")
        try:
            self._processor = PI0Processor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model, loading = PI0ForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise PolicyError(
                f"policy 'pi0': '{folder}' can't be loaded: {' '.join(str(error).split())[:300]}"
            ) from error
        if loading["missing_keys"]:
            first = sorted(loading["missing_keys"])[0]
            raise PolicyError(
                f"policy 'pi0': the weights in '{folder}' lack {len(loading['missing_keys'])}, such as {first}"
            )
        self._model = model.float().eval().to(self._device)
        self.robot = robot
        arm = load_arm(robot, robot_description) if space.kind == "tool_delta" else None
        self._decoder = ActionDecoder("pi0", space, robot, arm)
        self._statistics = self._read_statistics()
        self._generator = torch.Generator()
        self.reset(0)
        self._decoder.try_out(self._infer)
        self.reset(0)

    def _read_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        processor, states = self._processor, len(self.robot.names)
        if processor.actions_mean is None or processor.actions_std is None or processor.state_mean is None:
            raise PolicyError("policy 'pi0': the processor has no statistics of states and actions to scale by")
        mean, std = (
            np.array(processor.actions_mean, dtype=np.float64),
            np.array(processor.actions_std, dtype=np.float64),
        )
        if mean.shape != (self._decoder.width,) or std.shape != mean.shape:
            raise PolicyError(
                f"policy 'pi0': the checkpoint's actions have {mean.size} values, {self.robot.name} takes {self._decoder.width}"
            )
        if len(processor.state_mean) != states:
            raise PolicyError(
                f"policy 'pi0': the checkpoint's states have {len(processor.state_mean)} values, {self.robot.name} has {states}"
            )
        return mean, std

    def reset(self, seed: int) -> None:
        """Start the episode's noise again."""
        self._generator.manual_seed(seed)

    def act(self, observation: Observation) -> Chunk:
        """Raises PolicyError where the answer doesn't fit the robot."""
        return self._decoder.chunk(self._infer(observation), observation)

    def _infer(self, observation: Observation) -> np.ndarray:
        """Actions ``(chunk_size, width)`` in the checkpoint's own units."""
        robot = self.robot
        state = observation.state.copy()
        if robot.gripper is not None:
            state[robot.gripper] = self._decoder.gripper_state(state)
        inputs = self._processor(
            images=[[observation.images[camera] for camera in self.cameras]],
            text=[observation.instruction],
            state=state[None],
        )
        config = self._model.config
        # Drawn on the CPU: the same on every device.
        noise = torch.randn(1, config.chunk_size, config.max_action_dim, generator=self._generator)
        with torch.inference_mode():
            there = {key: inputs[key].to(self._device) for key in INPUTS}
            scaled = self._model.sample_actions(
                **(there | {key: there[key].float() for key in ("state", "pixel_values")}), noise=noise.to(self._device)
            )
        mean, std = self._statistics
        result: np.ndarray = scaled[0, :, : len(mean)].double().cpu().numpy() * std + mean
        return result


def make(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> Pi0Policy:
    """The entry point's factory. Raises PolicyError."""
    if server:
        raise PolicyError(f"policy 'pi0' runs in process: it takes no server ('{server}'); 'openpi' does")
    folder = checkpoint_folder("pi0", checkpoint, ("config.json",))
    if not [*folder.glob("model*.safetensors")]:
        raise PolicyError(f"policy 'pi0': '{checkpoint}' has no model.safetensors")
    told = read_told(folder)
    try:
        robot = robot if told.robot is None and robot is not None else load_robot(told.robot or DEFAULT_ROBOT)
    except ConfigError as error:
        raise PolicyError(f"{folder}: {error}") from error
    return Pi0Policy(folder, robot, told.space, robot_description, told.device)
