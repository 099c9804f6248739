"""Any robot's URDF turns tool moves into joint targets: a Panda's, another author's than the shipped one, behind both servers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.config import ConfigError
from embodiedcomp_policy.kinematics import rotation_log
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies.pinocchio_arm import load_arm
from embodiedcomp_policy.robot import Tool, load_robot

pytest.importorskip("openpi_server")
pytest.importorskip("json_numpy")
sys.path.insert(0, str(Path(__file__).parent))

from servers import serving

from embodiedcomp_policy.policies import openpi, openvla

PANDA = load_robot("panda")
HOME = np.array([0.1, -0.3, 0.2, -2.2, -0.1, 2.0, 0.78, 0.02])
HAND_TO_TCP = (0.0, 0.0, 0.1034)  # m, Franka's own


@pytest.fixture(scope="module")
def description() -> str:
    """franka_description's arm and hand, as pybullet's data carry it: meshes, fingers that mimic each other, no TCP link."""
    models = pytest.importorskip("robosuite.models")
    folder = Path(models.assets_root) / "bullet_data" / "panda_description" / "urdf"
    return (folder / "panda_arm_hand.urdf").read_text()


@pytest.fixture
def my_panda(tmp_path: Path) -> str:
    """A robot file of the user's own: the shipped one with that URDF's links."""
    assert PANDA.tool is not None
    shipped = PANDA.tool.urdf.with_name("panda.yaml").read_text()
    text = shipped.replace("frame: panda_hand_tcp", f"frame: panda_hand\n  offset: {list(HAND_TO_TCP)}")
    text = text.replace("urdf: panda.urdf", f"urdf: {PANDA.tool.urdf}")
    path = tmp_path / "my_panda.yaml"
    path.write_text(text)
    return str(path)


def see() -> Observation:
    grey = np.full((256, 256, 3), 127, dtype=np.uint8)
    return Observation({"base_camera": grey, "wrist_camera": grey}, HOME, "Pick up the object", 5)


def test_two_authors_pandas_are_the_same_arm(description: str) -> None:
    assert PANDA.tool is not None
    ours = load_arm(PANDA)
    theirs = load_arm(PANDA, description, Tool(PANDA.tool.urdf, "panda_hand", HAND_TO_TCP, (0.0, 0.0, 0.0)))
    rng = np.random.default_rng(0)
    for q in rng.uniform(ours.lower, ours.upper, (50, 7)):
        for mine, other in zip(ours.forward(q), theirs.forward(q), strict=True):
            assert np.allclose(mine, other, atol=1e-9)
        assert np.allclose(ours.jacobian(q), theirs.jacobian(q), atol=1e-9)


def test_openvla_moves_a_panda_by_a_description_of_the_users_own(description: str, my_panda: str) -> None:
    with serving("serve_openvla.py", "openvla") as (port, _):
        url = f"http://127.0.0.1:{port}/act?timeout=2&robot="
        chunk = openvla.make(server=url + my_panda, robot_description=description).act(see())
        with pytest.raises(ConfigError, match="no link 'panda_hand_tcp'; it has: panda_link0, "):
            openvla.make(server=url + "panda", robot_description=description)
        with pytest.raises(ConfigError, match="no joint 'shoulder_pan_joint'; it has: panda_joint1, "):
            openvla.make(server=url + "ur5e", robot_description=description)
    arm = load_arm(PANDA)
    (before, rotation), (after, turned) = arm.forward(HOME[:7]), arm.forward(chunk.positions[0, :7])
    assert np.allclose(after - before, [0.01, 0, 0], atol=1e-4)
    assert np.allclose(rotation_log(turned @ rotation.T), [0, 0, 0.1], atol=1e-3)
    assert chunk.positions[0, 7] == 0.0  # closed, as a Panda's fingers count


def test_openpi_moves_a_panda_with_liberos_keys(description: str, my_panda: str) -> None:
    with serving("serve_openpi.py", "libero") as (port, _):
        url = f"ws://127.0.0.1:{port}?timeout=2&keys=libero&robot={my_panda}"
        chunk = openpi.make(server=url, robot_description=description).act(see())
    arm = load_arm(PANDA)
    assert np.allclose(arm.forward(chunk.positions[-1, :7])[0] - arm.forward(HOME[:7])[0], [0.1, 0, 0], atol=1e-3)
    assert np.abs(np.diff(chunk.positions[:, :7], axis=0)).max() < PANDA.max_step and chunk.positions[0, 7] == 0.0
