"""Pi0, Pi0-FAST and Pi0.5 on an openpi server: websocket, msgpack with numpy arrays.

``server:=ws://HOST:8000?keys=ur5``. keys: which observation the checkpoint was trained on (ur5, libero, droid); robot:
its name in config/robots, by default the node's; period: s between actions; timeout: s for one answer (a first answer may
compile: ten times).
What a checkpoint's numbers mean is an option too, by default the key set's: gripper: what it says for open and closed,
``OPEN,CLOSED``; scale, turn_scale: m (rad for droid) and rad that one unit of its deltas is; turn: its rotations, vector or
rpy; frame: their axes, base or tool; fingers: m, what libero's state holds for each finger of an open and a closed hand,
``OPEN,CLOSED``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import websockets.exceptions
import websockets.sync.client
from openpi_client import image_tools, msgpack_numpy

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

EXAMPLE = "ws://gpu-box:8000?keys=ur5"
ATTEMPTS = 3
SIDE = 224
"""Pixels: what every openpi model sees; sending no more spares the network."""

Request = dict[str, Any]


@dataclass(frozen=True)
class KeySet:
    """How one family of checkpoints is asked and what it answers.

    joints: of the arm it was trained on; None: any. fingers: m, state of each finger of a hand, open and closed.
    """

    space: ActionSpace
    robot: str
    joints: int | None
    request: Callable[[Observation, ActionDecoder, Robot, Arm | None, tuple[float, float]], Request]
    fingers: tuple[float, float] = (0.04, 0.0)


def _small(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(image_tools.resize_with_pad(image, SIDE, SIDE), dtype=np.uint8)


def _views(observation: Observation, base: str, wrist: str) -> Request:
    return {base: _small(observation.images["base_camera"]), wrist: _small(observation.images["wrist_camera"])}


def _ur5(
    observation: Observation, decoder: ActionDecoder, robot: Robot, arm: Arm | None, fingers: tuple[float, float]
) -> Request:
    state = np.append(observation.state[robot.arm], decoder.gripper_state(observation.state))
    return {**_views(observation, "base_rgb", "wrist_rgb"), "state": state.astype(np.float32)}


def _droid(
    observation: Observation, decoder: ActionDecoder, robot: Robot, arm: Arm | None, fingers: tuple[float, float]
) -> Request:
    return {
        **_views(observation, "observation/exterior_image_1_left", "observation/wrist_image_left"),
        "observation/joint_position": observation.state[robot.arm].astype(np.float32),
        "observation/gripper_position": np.array([decoder.gripper_state(observation.state)], dtype=np.float32),
    }


def _libero(
    observation: Observation, decoder: ActionDecoder, robot: Robot, arm: Arm | None, fingers: tuple[float, float]
) -> Request:
    """State: tool position (m), its rotation vector (rad), the two fingers of a hand (m, the second one negative)."""
    if arm is None:
        raise PolicyError("policy 'openpi': keys 'libero' need the arm's kinematics")
    position, rotation = arm.forward(observation.state[robot.arm])
    finger = fingers[0] + decoder.closed_share(observation.state) * (fingers[1] - fingers[0])
    state = np.concatenate([position, rotation_log(rotation), [finger, -finger]])
    return {
        **_views(observation, "observation/image", "observation/wrist_image"),
        "observation/state": state.astype(np.float32),
    }


KEY_SETS = {
    # Absolute joint targets, gripper 0 open to 1 closed, 20 Hz.
    "ur5": KeySet(ActionSpace("joint", 50_000_000), "ur5e", None, _ur5),
    # robosuite's OSC_POSE at 20 Hz: one unit is 0.05 m or 0.5 rad; gripper -1 open to 1 closed.
    "libero": KeySet(
        ActionSpace("tool_delta", 50_000_000, scale=0.05, turn_scale=0.5, gripper_open=-1.0), "ur5e", None, _libero
    ),
    # Joint velocities at 15 Hz: one unit is 0.2 rad an action; gripper 0 open to 1 closed.
    "droid": KeySet(ActionSpace("joint_delta", 66_666_667, scale=0.2), "panda", 7, _droid),
}


class OpenPiPolicy:
    """Connects at the start, again when the connection breaks, and never for longer than it was told to."""

    cameras = ("base_camera", "wrist_camera")

    def __init__(self, url: str, keys: KeySet, robot: Robot, arm: Arm | None, timeout: float) -> None:
        if keys.joints is not None and len(robot.arm) != keys.joints:
            raise PolicyError(
                f"policy 'openpi': these keys are for {keys.joints} joints, {robot.name} has {len(robot.arm)}"
            )
        self._url, self._keys, self.robot, self._arm, self._timeout = url, keys, robot, arm, timeout
        self._decoder = ActionDecoder("openpi", keys.space, robot, arm)
        self._connection: websockets.sync.client.ClientConnection | None = None
        self.metadata: dict[str, Any] = {}
        self._decoder.try_out(lambda probe: self._ask(probe, 10 * timeout))

    def reset(self, seed: int) -> None:
        """The server keeps no episode, and its sampling is its own."""

    def act(self, observation: Observation) -> Chunk:
        """One question, one answer. Raises PolicyError when the server stays away, is too slow or answers with a traceback."""
        return self._decoder.chunk(self._ask(observation, self._timeout), observation)

    def _ask(self, observation: Observation, timeout: float) -> Any:
        request = {**self._keys.request(observation, self._decoder, self.robot, self._arm, self._keys.fingers)}
        request["prompt"] = observation.instruction
        data = msgpack_numpy.packb(request)
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                reply = self._exchange(data, timeout)
            except TimeoutError:
                self._close()
                raise PolicyError(f"policy server {self._url} did not answer within {timeout:g} s") from None
            except (OSError, websockets.exceptions.WebSocketException) as error:
                self._close()
                reason = " ".join(str(error).split()) or type(error).__name__
                continue
            if isinstance(reply, str):  # openpi sends its traceback as text and hangs up
                self._close()
                raise PolicyError(f"policy server {self._url} failed: {_last_line(reply)}")
            try:
                answer = _unpack(reply, self._url)
            except PolicyError:
                self._close()
                raise
            if "actions" not in answer:
                raise PolicyError(
                    f"policy server {self._url} answered without 'actions'; keys: {', '.join(map(str, answer))}"
                )
            return answer["actions"]
        raise PolicyError(f"policy server {self._url} can't be reached after {ATTEMPTS} attempts: {reason}")

    def _exchange(self, data: bytes, timeout: float) -> str | bytes:
        if self._connection is None:
            # No pings: a server that compiles its model answers none of them, and the time limits are ours.
            self._connection = websockets.sync.client.connect(
                self._url,
                compression=None,
                max_size=None,
                open_timeout=min(timeout, 5.0),
                close_timeout=1.0,
                ping_interval=None,
            )
            # Nor may a server that reads no more hold us up in sending.
            limit = struct.pack("ll", int(timeout), int(1e6 * (timeout % 1)))
            self._connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            try:
                self._greet(self._connection.recv(timeout))
            except PolicyError:
                self._close()  # the next question must not find it open
                raise
        self._connection.send(data)
        return self._connection.recv(timeout)

    def _greet(self, greeting: str | bytes) -> None:
        if isinstance(greeting, str):
            raise PolicyError(f"{self._url} is no openpi server: it greets with text")
        self.metadata = _unpack(greeting, self._url)
        self._check_metadata()

    def _check_metadata(self) -> None:
        """Servers may say what they drive; what they say must fit."""
        told = self.metadata.get("action_dim")
        if told is not None and told != self._decoder.width:
            raise PolicyError(
                f"{self._url} serves actions of {told} values, {self.robot.name} takes {self._decoder.width}"
            )
        robot = self.metadata.get("robot")
        if robot is not None and robot != self.robot.name:
            raise PolicyError(f"{self._url} serves robot '{robot}', not '{self.robot.name}'")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _unpack(data: bytes, url: str) -> dict[str, Any]:
    try:
        answer = msgpack_numpy.unpackb(data)
    except Exception as error:  # whatever foreign bytes do to a foreign decoder
        raise PolicyError(
            f"{url} is no openpi server: what it sends is no msgpack with arrays ({type(error).__name__})"
        ) from error
    if not isinstance(answer, dict):
        raise PolicyError(f"{url} is no openpi server: it sends a {type(answer).__name__}, not a dict")
    return answer


def _last_line(traceback: str) -> str:
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else "an empty traceback"


def _told(keys: KeySet, options: dict[str, str]) -> KeySet:
    """The key set with what the user says of the checkpoint's numbers. Raises PolicyError for what can't apply."""
    whose = f"keys '{options['keys']}'"
    space = told_space(keys.space, options, whose)
    if not options["fingers"]:
        return replace(keys, space=space)
    if keys.request is not _libero:
        raise useless("fingers", whose, space)
    return replace(keys, space=space, fingers=two_numbers(options, "fingers"))


def make(
    checkpoint: str | None = None,
    server: str | None = None,
    robot_description: str | None = None,
    robot: Robot | None = None,
) -> OpenPiPolicy:
    """The entry point's factory. Raises PolicyError, ConfigError."""
    if checkpoint:
        raise PolicyError(f"policy 'openpi' runs on a server, which has its checkpoint: it takes none ('{checkpoint}')")
    defaults = {"keys": "ur5", "robot": "", "timeout": "5", **SPACE_OPTIONS, "fingers": ""}
    url, options = parse_server("openpi", server, ("ws", "wss"), defaults, EXAMPLE)
    keys = _told(KEY_SETS[choose(options, "keys", tuple(KEY_SETS))], options)
    if options["robot"] or robot is None:
        robot = load_robot(options["robot"] or keys.robot)
    arm = load_arm(robot, robot_description) if keys.space.kind == "tool_delta" else None
    return OpenPiPolicy(url, keys, robot, arm, number(options, "timeout", 0.05, 600.0))
