"""OpenVLA and OpenVLA-OFT on their REST servers: POST ``/act``, JSON with json_numpy arrays.

``server:=http://HOST:8000/act?payload=openvla&unnorm_key=bridge_orig`` (one action an answer), or
``http://HOST:8777/act?payload=oft`` (a chunk). robot: name in config/robots, by default the node's; actions: tool_delta or
joint; period: s between actions, by default 0.2; timeout: s for one answer (the first: ten times). scale, turn_scale: m and rad
that one unit of a delta is, by default 1; turn: rotations are rpy (roll, pitch, yaw) or vector; frame: base or tool.
gripper: what open and closed are, ``OPEN,CLOSED``, by default 1,0; fingers: m, what oft's state holds for each finger of an
open and a closed hand, by default 0.04,0. A checkpoint for LIBERO:
``payload=oft&scale=0.05&turn_scale=0.5&turn=vector&period=0.05``.
"""

from __future__ import annotations

import time
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
from embodiedcomp_policy.server_options import (
    SPACE_OPTIONS,
    choose,
    number,
    parse_server,
    told_space,
    two_numbers,
    useless,
)

EXAMPLE = "http://gpu-box:8000/act?unnorm_key=bridge_orig"
ATTEMPTS = 3
PERIOD_NS = 200_000_000
FINGERS = (0.04, 0.0)
"""m: of a Panda's hand, open and closed, as LIBERO's states have it."""


class OpenVlaPolicy:
    """Asks over HTTP, a bounded number of times and never for longer than it was told to."""

    def __init__(
        self,
        url: str,
        payload: str,
        unnorm_key: str,
        space: ActionSpace,
        robot: Robot,
        arm: Arm | None,
        timeout: float,
        fingers: tuple[float, float] = FINGERS,
    ) -> None:
        """arm: None where actions are joint positions. fingers: m, each finger's state, open and closed."""
        self.cameras = ("base_camera",) if payload == "openvla" else ("base_camera", "wrist_camera")
        self._url, self._payload, self._unnorm_key, self._timeout = url, payload, unnorm_key, timeout
        self.robot, self._arm, self._fingers = robot, arm, fingers
        self._decoder = ActionDecoder("openvla", space, robot, self._arm)
        self._session = requests.Session()
        self._decoder.try_out(lambda probe: self._ask(probe, 10 * timeout))

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
        """Joints and gripper, or for tool deltas position (m), rotation vector, and two fingers (m, the second one negative)."""
        joints = observation.state[self.robot.arm]
        if self._arm is None:
            return np.append(joints, self._decoder.gripper_state(observation.state)).astype(np.float32)
        position, rotation = self._arm.forward(joints)
        opened, closed = self._fingers
        finger = opened + self._decoder.closed_share(observation.state) * (closed - opened)
        return np.concatenate([position, rotation_log(rotation), [finger, -finger]]).astype(np.float32)

    def _ask(self, observation: Observation, timeout: float) -> Any:
        body = json_numpy.dumps(self._request(observation))
        headers = {"Content-Type": "application/json"}
        deadline, reason = time.monotonic() + timeout, ""
        for _ in range(ATTEMPTS):
            try:
                reply = self._session.post(self._url, data=body, headers=headers, timeout=timeout, stream=True)
                text = _read(reply, deadline)
            except requests.Timeout:
                raise PolicyError(f"policy server {self._url} did not answer within {timeout:g} s") from None
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
                if time.monotonic() > deadline:
                    raise PolicyError(f"policy server {self._url} did not answer within {timeout:g} s") from None
                reason = type(error.args[0]).__name__ if error.args else type(error).__name__
                continue
            except requests.RequestException as error:
                raise PolicyError(f"policy server {self._url}: {' '.join(str(error).split())}") from error
            return self._actions(reply.status_code, text)
        raise PolicyError(f"policy server {self._url} can't be reached after {ATTEMPTS} attempts: {reason}")

    def _actions(self, status: int, text: bytes) -> Any:
        if status != requests.codes.ok:
            raise PolicyError(f"policy server {self._url} answered with HTTP status {status}")
        try:
            answer = json_numpy.loads(text.decode())
            if isinstance(answer, str) and answer != "error":  # the server's double_encode
                answer = json_numpy.loads(answer)
        except Exception as error:  # whatever foreign bytes do to a foreign decoder
            raise PolicyError(
                f"policy server {self._url} answered with something other than JSON with arrays ({type(error).__name__})"
            ) from error
        if isinstance(answer, str):
            raise PolicyError(f"policy server {self._url} answered '{answer[:80]}': its own log says why")
        return answer


def _read(reply: requests.Response, deadline: float) -> bytes:
    """The body, as it comes: the library's own limit is for each piece, and a server that drips would never meet it."""
    parts = []
    for part in reply.iter_content(1):  # a larger piece would be waited for; answers are a few kB
        parts.append(part)
        if time.monotonic() > deadline:
            reply.close()
            raise requests.Timeout
    return b"".join(parts)


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
        "payload": "openvla", "unnorm_key": "", "robot": "", "actions": "tool_delta", "timeout": "5", **SPACE_OPTIONS,
        "fingers": "",
    }  # fmt: skip
    url, options = parse_server("openvla", server, ("http", "https"), defaults, EXAMPLE)
    payload = choose(options, "payload", ("openvla", "oft"))
    kind = choose(options, "actions", ("tool_delta", "joint"))
    whose = f"actions of payload '{payload}'"
    usual = ActionSpace(kind, PERIOD_NS, turn="rpy", gripper_open=1.0, gripper_closed=0.0)  # type: ignore[arg-type]
    space = told_space(usual, options, whose)
    if options["fingers"] and not (payload == "oft" and kind == "tool_delta"):
        raise useless("fingers", whose, space)
    fingers = two_numbers(options, "fingers") if options["fingers"] else FINGERS
    if options["robot"] or robot is None:
        robot = load_robot(options["robot"] or "ur5e")
    arm = load_arm(robot, robot_description) if space.kind == "tool_delta" else None
    timeout = number(options, "timeout", 0.05, 600.0)
    return OpenVlaPolicy(url, payload, options["unnorm_key"], space, robot, arm, timeout, fingers)
