"""The OpenVLA backend against a real HTTP server with their contract, a process of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.kinematics import rotation_log
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.policy import Policy, PolicyError
from embodiedcomp_policy.robot import load_robot

pytest.importorskip("json_numpy")
sys.path.insert(0, str(Path(__file__).parent))

from servers import free_port, serving

from embodiedcomp_policy.policies import openvla

HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.4])
ARM = load_arm(load_robot("ur5e"))


def see() -> Observation:
    image = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    return Observation({"base_camera": image, "wrist_camera": image}, HOME, "Pick up the object", 5)


def connect(port: int, options: str) -> openvla.OpenVlaPolicy:
    return openvla.make(server=f"http://127.0.0.1:{port}/act?timeout=2&{options}")


@pytest.mark.parametrize("kind", ["openvla", "double"])
def test_openvla_answers_one_action(kind: str) -> None:
    with serving("serve_openvla.py", kind) as (port, _):
        policy = connect(port, "unnorm_key=bridge_orig")
        assert isinstance(policy, Policy) and policy.cameras == ("base_camera",)
        policy.reset(0)
        chunk = policy.act(see())
    assert chunk.stamp_ns == 5 and chunk.times_ns.tolist() == [200_000_000]
    assert np.allclose(ARM.forward(chunk.positions[0, :6])[0] - ARM.forward(HOME[:6])[0], [0.01, 0, 0], atol=1e-4)
    assert chunk.positions[0, 6] == 0.8  # 0 is closed, as in bridge


def test_oft_answers_a_chunk_from_two_views_and_the_state() -> None:
    with serving("serve_openvla.py", "oft") as (port, _):
        policy = connect(port, "payload=oft&gripper=-1,1&period=0.05")
        assert policy.cameras == ("base_camera", "wrist_camera")
        chunk = policy.act(see())
    assert chunk.positions.shape == (8, 7) and chunk.times_ns[-1] == 400_000_000
    moved = ARM.forward(chunk.positions[-1, :6])[0] - ARM.forward(HOME[:6])[0]
    assert np.allclose(moved, [0, 0, 0.08], atol=1e-3)


def test_what_a_libero_checkpoints_numbers_mean() -> None:
    """Rotation vectors in units of half a radian; the state tells the fingers of a hand in metres, here half closed."""
    rotation = ARM.forward(HOME[:6])[1]
    libero = "payload=oft&scale=0.05&turn_scale=0.5&turn=vector&period=0.05"
    with serving("serve_openvla.py", "fingers") as (port, _):
        chunks = [connect(port, libero + more).act(see()) for more in ("", "&fingers=0.1,0", "&turn=rpy")]
    turns = [rotation_log(ARM.forward(chunk.positions[0, :6])[1] @ rotation.T) for chunk in chunks]
    assert np.allclose(turns[0], [0, 0.05, 0.05], atol=1e-4) and not np.allclose(turns[2], turns[0], atol=3e-4)
    assert chunks[0].times_ns.tolist() == [50_000_000]
    assert chunks[0].positions[0, 6] == pytest.approx(0.8 * (1 - 5 * 0.04))  # half way from 0.04 to 0, twice; 1 is open
    assert chunks[1].positions[0, 6] == pytest.approx(0.8 * (1 - 5 * 0.1))


def test_oft_may_answer_with_joint_targets() -> None:
    with serving("serve_openvla.py", "joints") as (port, _):
        chunk = connect(port, "payload=oft&actions=joint").act(see())
    assert np.allclose(chunk.positions, HOME, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("openvla", "unnorm_key=nonsense", "answered 'error': its own log says why"),
        ("openvla", "actions=joint&robot=panda", r"shape \(1, 7\); panda takes \(T, 8\)"),
        ("text", "", "something other than JSON"),
        (
            "joints",
            "payload=oft&actions=joint&scale=2",
            "'scale' means nothing to actions of payload 'oft': .* are joint",
        ),
        ("openvla", "fingers=0.1,0", "'fingers' means nothing"),
    ],
)
def test_a_mismatch_is_an_error_at_the_start(kind: str, options: str, words: str) -> None:
    with serving("serve_openvla.py", kind) as (port, _), pytest.raises(PolicyError, match=words):
        connect(port, options)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("error", "answered 'error'"), ("crash", "HTTP status 500"), ("damaged", r"JSON with arrays \(KeyError\)")],
)
def test_an_error_later_is_one_line(kind: str, words: str) -> None:
    with serving("serve_openvla.py", kind) as (port, _):
        policy = connect(port, "payload=oft")
        with pytest.raises(PolicyError, match=words) as error:
            policy.act(see())
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_slow_server_is_given_up_in_time(kind: str) -> None:
    with serving("serve_openvla.py", kind) as (port, _):
        policy = openvla.make(server=f"http://127.0.0.1:{port}/act?payload=oft&timeout=0.5")
        started = time.monotonic()
        with pytest.raises(PolicyError, match=r"did not answer within 0.5 s"):
            policy.act(see())
        assert time.monotonic() - started < 8  # dripped, the answer would take a minute


def test_a_server_that_dies_and_returns() -> None:
    port = free_port()
    with serving("serve_openvla.py", "openvla", port):
        policy = connect(port, "")
        policy.act(see())
    with pytest.raises(PolicyError, match="can't be reached after 3 attempts"):
        policy.act(see())
    with serving("serve_openvla.py", "openvla", port):
        assert policy.act(see()).positions.shape == (1, 7)


def test_wrong_addresses_and_options() -> None:
    with pytest.raises(PolicyError, match="needs server:=URL, such as http://"):
        openvla.make()
    with pytest.raises(PolicyError, match="unknown payload 'pi0'; there are: openvla, oft"):
        openvla.make(server="http://host/act?payload=pi0")
    for bad in ("1", "1,1", "a,b", "1,nan"):
        with pytest.raises(PolicyError, match=f"gripper must be two different numbers OPEN,CLOSED, not '{bad}'"):
            openvla.make(server=f"http://host/act?gripper={bad}")
