"""OpenVLA and OpenVLA-OFT on their REST servers: POST ``/act``, JSON with json_numpy arrays.

``server:=http://HOST:8000/act?payload=openvla&unnorm_key=bridge_orig`` (one action an answer), or
``http://HOST:8777/act?payload=oft`` (a chunk). robot: name in config/robots; actions: tool_delta or joint; period: s between
actions; timeout: s for one answer (the first: ten times). Rotations are roll, pitch, yaw; one unit is one metre or radian.
gripper: what open and closed are, ``OPEN,CLOSED``, by default 1,0.
"""

from __future__ import annotations

from typing import Any

import json_numpy
import numpy as np
import requests

from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.action_space import ActionDecoder, ActionSpace
from embodiedcomp_policy.kinematics import Arm, rotation_log
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import PolicyError
from embodiedcomp_policy.robot import Robot, load_robot
from embodiedcomp_policy.server_options import choose, number, parse_server, two_numbers

EXAMPLE = "http://gpu-box:8000/act?unnorm_key=bridge_orig"
ATTEMPTS = 3


class OpenVlaPolicy:
    """Asks over HTTP, a bounded number of times and never for longer than it was told to."""

    def __init__(
        self, url: str, payload: str, unnorm_key: str, space: ActionSpace, robot: Robot, arm: Arm | None, timeout: float
    ) -> None:
        """arm: None where actions are joint positions."""
        self.cameras = ("base_camera",) if payload == "openvla" else ("base_camera", "wrist_camera")
        self._url, self._payload, self._unnorm_key, self._timeout = url, payload, unnorm_key, timeout
        self.robot, self._arm = robot, arm
        self._decoder = ActionDecoder("openvla", space, robot, self._arm)
        self._session = requests.Session()
        probe = self._decoder.probe()
        self._decoder.chunk(self._ask(probe, 10 * timeout), probe)

    def reset(self, seed: int) -> None:
        """The server decodes greedily and keeps no episode."""

    def act(self, observation: Observation) -> Chunk:
        """One question, one answer. Raises PolicyError when the server stays away, is too slow or reports an error."""
        return self._decoder.chunk(self._ask(observation, self._timeout), observation)

    def _request(self, observation: Observation) -> dict[str, Any]:
        if self._payload == "openvla":
            request: dict[str, Any] = {"image": observation.images["base_camera"]}
        else:
            request = {
                "full_image": observation.images["base_camera"],
                "wrist_image": observation.images["wrist_camera"],
                "state": self._state(observation),
            }
        request["instruction"] = observation.instruction
        if self._unnorm_key:
            request["unnorm_key"] = self._unnorm_key
        return request

    def _state(self, observation: Observation) -> np.ndarray:
        """Joints and gripper, or for tool deltas position, rotation vector and the two fingers of a Panda's hand."""
        joints = observation.state[self.robot.arm]
        gripper = self._decoder.gripper_state(observation.state)
        if self._arm is None:
            return np.append(joints, gripper).astype(np.float32)
        position, rotation = self._arm.forward(joints)
        return np.concatenate([position, rotation_log(rotation), [gripper, -gripper]]).astype(np.float32)

    def _ask(self, observation: Observation, timeout: float) -> Any:
        body = json_numpy.dumps(self._request(observation))
        headers = {"Content-Type": "application/json"}
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                reply = self._session.post(self._url, data=body, headers=headers, timeout=timeout)
            except requests.Timeout:
                raise PolicyError(f"policy server {self._url} did not answer within {timeout:g} s") from None
            except requests.ConnectionError as error:
                reason = type(error.args[0]).__name__ if error.args else type(error).__name__
                continue
            except requests.RequestException as error:
                raise PolicyError(f"policy server {self._url}: {' '.join(str(error).split())}") from error
            return self._actions(reply)
        raise PolicyError(f"policy server {self._url} can't be reached after {ATTEMPTS} attempts: {reason}")

    def _actions(self, reply: requests.Response) -> Any:
        if reply.status_code != requests.codes.ok:
            raise PolicyError(f"policy server {self._url} answered with HTTP status {reply.status_code}")
        try:
            answer = json_numpy.loads(reply.text)
            if isinstance(answer, str) and answer != "error":  # the server's double_encode
                answer = json_numpy.loads(answer)
        except ValueError as error:
            raise PolicyError(f"policy server {self._url} answered with something other than JSON") from error
        if isinstance(answer, str):
            raise PolicyError(f"policy server {self._url} answered '{answer[:80]}': its own log says why")
        return answer


def make(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> OpenVlaPolicy:
    """The entry point's factory. Raises PolicyError, ConfigError."""
    if checkpoint:
        raise PolicyError(
            f"policy 'openvla' runs on a server, which has its checkpoint: it takes none ('{checkpoint}')"
        )
    defaults = {
        "payload": "openvla", "unnorm_key": "", "robot": "", "actions": "tool_delta", "frame": "base",
        "period": "0.2", "timeout": "5", "gripper": "1,0",
    }  # fmt: skip
    url, options = parse_server("openvla", server, ("http", "https"), defaults, EXAMPLE)
    payload = choose(options, "payload", ("openvla", "oft"))
    opened, closed = two_numbers(options, "gripper")
    space = ActionSpace(
        kind=choose(options, "actions", ("tool_delta", "joint")),  # type: ignore[arg-type]
        period_ns=round(1e9 * number(options, "period", 0.001, 10.0)),
        turn="rpy",
        frame=choose(options, "frame", ("base", "tool")),  # type: ignore[arg-type]
        gripper_open=opened,
        gripper_closed=closed,
    )
    if options["robot"] or robot is None:
        robot = load_robot(options["robot"] or "ur5e")
    arm = load_arm(robot, robot_description) if space.kind == "tool_delta" else None
    timeout = number(options, "timeout", 0.05, 600.0)
    return OpenVlaPolicy(url, payload, options["unnorm_key"], space, robot, arm, timeout)
