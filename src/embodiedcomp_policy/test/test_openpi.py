"""The openpi backend against real openpi servers, each a process of its own."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.kinematics import rotation_log
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.registry import make_policy
from embodiedcomp_policy.robot import load_robot

pytest.importorskip("openpi_server")
sys.path.insert(0, str(Path(__file__).parent))

from servers import free_port, serving

from embodiedcomp_policy.policies import openpi

HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.4])
PANDA_HOME = np.array([0, -0.3, 0, -2.2, 0, 2.0, 0.78, 0.02])


def see(state: np.ndarray = HOME, stamp: int = 5) -> Observation:
    image = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    return Observation({"base_camera": image, "wrist_camera": image}, state, "Pick up the object", stamp)


def connect(port: int, options: str = "keys=ur5") -> openpi.OpenPiPolicy:
    return openpi.make(server=f"ws://127.0.0.1:{port}?timeout=2&{options}")


def test_ur5_keys_answer_with_joint_targets() -> None:
    with serving("serve_openpi.py", "ur5") as (port, _):
        policy = connect(port)
        assert isinstance(policy, Policy)
        assert policy._connection is not None and policy._connection.ping_interval is None  # a compiler answers no ping
        policy.reset(3)
        chunk = policy.act(see())
    assert chunk.stamp_ns == 5 and chunk.positions.shape == (10, 7)
    assert np.allclose(chunk.positions, HOME, atol=1e-6)  # the server sent the state back: float32 on the way
    assert chunk.times_ns[0] == 50_000_000


def test_libero_keys_answer_with_tool_moves() -> None:
    with serving("serve_openpi.py", "libero") as (port, _):
        chunk = connect(port, "keys=libero&period=0.1").act(see())
    arm = load_arm(load_robot("ur5e"))
    moved = arm.forward(chunk.positions[-1, :6])[0] - arm.forward(HOME[:6])[0]
    assert np.allclose(moved, [0.1, 0, 0], atol=1e-3)  # ten times 0.2 x 0.05 m
    assert chunk.positions[0, 6] == 0.8 and chunk.times_ns[0] == 100_000_000


def test_what_the_user_says_of_the_checkpoints_numbers() -> None:
    arm = load_arm(load_robot("ur5e"))
    position, rotation = arm.forward(HOME[:6])
    with serving("serve_openpi.py", "libero") as (port, _):
        short = connect(port, "keys=libero&scale=0.02&gripper=1,-1").act(see())
        along = connect(port, "keys=libero&frame=tool").act(see())
    assert np.allclose(arm.forward(short.positions[-1, :6])[0] - position, [0.04, 0, 0], atol=1e-3)
    assert short.positions[0, 6] == 0.0  # 1 is open now
    assert np.allclose(arm.forward(along.positions[-1, :6])[0] - position, rotation @ [0.1, 0, 0], atol=1e-3)
    with serving("serve_openpi.py", "fingers") as (port, _):
        told = {
            options: connect(port, f"keys=libero&{options}").act(see())
            for options in ("", "turn_scale=1&fingers=0.1,0")
        }
    for chunk, turn, finger in zip(told.values(), (0.05, 0.1), (0.2, 0.5), strict=True):
        turned = arm.forward(chunk.positions[0, :6])[1] @ rotation.T
        assert np.allclose(rotation_log(turned), [0, 0, turn], atol=1e-4)
        assert chunk.positions[0, 6] == pytest.approx(
            0.8 * (finger + 1) / 2
        )  # half closed: half way between 0 and 0.04, or 0.1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("keys=ur5&scale=2", "option 'scale' means nothing to keys 'ur5': their actions are joint"),
        ("keys=droid&turn_scale=2", "option 'turn_scale' means nothing to keys 'droid': their actions are joint_delta"),
        ("keys=droid&frame=tool", "option 'frame' means nothing"),
        ("keys=ur5&fingers=0.04,0", "option 'fingers' means nothing"),
        ("keys=libero&frame=world", "unknown frame 'world'; there are: base, tool"),
        ("keys=libero&fingers=0.04", "fingers"),
        ("keys=libero&scale=fast", "scale"),
    ],
)
def test_options_that_cannot_apply(options: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        openpi.make(server=f"ws://127.0.0.1:1?{options}")


def test_the_nodes_robot_is_taken_or_a_mismatch_is_an_error_at_the_start() -> None:
    ur5e, panda = load_robot("ur5e"), load_robot("panda")
    with pytest.raises(PolicyError, match="these keys are for 7 joints, ur5e has 6"):
        make_policy("openpi", server="ws://127.0.0.1:1?keys=droid", robot=ur5e)
    with serving("serve_openpi.py", "droid") as (port, _):
        server = f"ws://127.0.0.1:{port}?timeout=2&keys=droid"
        assert make_policy("openpi", server=server, robot=panda).act(see(PANDA_HOME)).positions.shape == (10, 8)
        with pytest.raises(PolicyError, match="'openpi' drives another robot than 'ur5e': robot panda is not ur5e"):
            make_policy("openpi", server=f"{server}&robot=panda", robot=ur5e)


def test_droid_keys_drive_a_seven_joint_arm_and_no_other() -> None:
    with serving("serve_openpi.py", "droid") as (port, _):
        chunk = connect(port, "keys=droid").act(see(PANDA_HOME))
        assert np.allclose(chunk.positions[:3, 0], [0.02, 0.04, 0.06]) and np.allclose(chunk.positions[:, 7], 0.02)
        with pytest.raises(PolicyError, match="these keys are for 7 joints, ur5e has 6"):
            connect(port, "keys=droid&robot=ur5e")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("degrees", "degrees, or another robot"),
        ("deltas", "every joint at about 0 whatever the arm's state: changes, not positions"),
        ("keyless", "answered without 'actions'; keys: action"),
        ("libero", "failed: .*KeyError: .*wrong request"),
        ("metadata", "serves actions of 14 values, ur5e takes 7"),
        ("robot", "serves robot 'aloha', not 'ur5e'"),
    ],
)
def test_a_mismatch_is_an_error_at_the_start(kind: str, words: str) -> None:
    with serving("serve_openpi.py", kind) as (port, _), pytest.raises(PolicyError, match=words):
        connect(port)


def test_a_traceback_is_one_line_and_the_next_question_connects_again() -> None:
    with serving("serve_openpi.py", "broken") as (port, _):
        policy = connect(port)
        for _ in range(2):
            with pytest.raises(PolicyError, match="failed: ZeroDivisionError: the checkpoint is on fire"):
                policy.act(see())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("damaged", r"no msgpack with arrays \(KeyError\)"),
        ("deltas-later", r"'elbow_joint' at 0.01 rad next, which is at 2.48: changes, not positions"),
    ],
)
def test_a_bad_answer_later_is_one_line(kind: str, words: str) -> None:
    with serving("serve_openpi.py", kind) as (port, _):
        policy = connect(port)
        for _ in range(2):
            with pytest.raises(PolicyError, match=words):
                policy.act(see())


def test_a_server_that_stands_still_holds_nobody_up() -> None:
    with serving("serve_openpi.py", "ur5") as (port, process):
        policy = openpi.make(server=f"ws://127.0.0.1:{port}?timeout=0.5")
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(PolicyError, match=r"did not answer within 0.5 s|can't be reached after 3 attempts"):
                policy.act(see())
        assert time.monotonic() - started < 15


def test_a_server_that_returns_as_another_robots_is_never_obeyed() -> None:
    port = free_port()
    with serving("serve_openpi.py", "ur5", port):
        policy = connect(port)
    with serving("serve_openpi.py", "robot", port):
        for _ in range(3):
            with pytest.raises(PolicyError, match="serves robot 'aloha', not 'ur5e'"):
                policy.act(see())
    with serving("serve_openpi.py", "ur5", port):
        assert policy.act(see()).positions.shape == (10, 7)


def test_a_slow_server_is_given_up_in_time() -> None:
    with serving("serve_openpi.py", "slow") as (port, _):
        policy = openpi.make(server=f"ws://127.0.0.1:{port}?timeout=0.5")
        started = time.monotonic()
        with pytest.raises(PolicyError, match=r"did not answer within 0.5 s"):
            policy.act(see())
        assert time.monotonic() - started < 5


def test_a_server_that_dies_and_returns() -> None:
    port = free_port()
    with serving("serve_openpi.py", "ur5", port):
        policy = connect(port)
        policy.act(see())
    started = time.monotonic()
    with pytest.raises(PolicyError, match="can't be reached after 3 attempts"):
        policy.act(see())
    assert time.monotonic() - started < 20
    with serving("serve_openpi.py", "ur5", port):
        assert policy.act(see()).positions.shape == (10, 7)


def test_nobody_there_and_wrong_addresses() -> None:
    with pytest.raises(PolicyError, match="can't be reached after 3 attempts"):
        connect(free_port())
    with pytest.raises(PolicyError, match="needs server:=URL, such as ws://"):
        openpi.make()
    with pytest.raises(PolicyError, match="unknown keys 'aloha'; there are: ur5, libero, droid"):
        openpi.make(server="ws://host?keys=aloha")
    with pytest.raises(PolicyError, match="takes none"):
        openpi.make(checkpoint="pi0", server="ws://host")
