from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from embodiedcomp_policy import registry
from embodiedcomp_policy.action import Chunk
from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import PolicyError


class Still:
    cameras = ("base_camera",)

    def __init__(self, checkpoint: str | None, server: str | None) -> None:
        self.made_with = (checkpoint, server)

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation) -> Chunk:
        return Chunk(observation.stamp_ns, np.array([1]), observation.state[None])


@pytest.fixture(autouse=True)
def points(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [
        EntryPoint("still", f"{__name__}:Still", registry.GROUP),
        EntryPoint("absent", "embodiedcomp_no_such_package.module:make", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: installed if group == registry.GROUP else [])


def test_makes_the_one_asked_for_and_imports_no_other() -> None:
    assert registry.policy_names() == ["absent", "still"]
    policy = registry.make_policy("still", checkpoint="weights", server=None)
    assert isinstance(policy, Still) and policy.made_with == ("weights", None)
    assert not any(name.startswith("embodiedcomp_no_such_package") for name in sys.modules)


def test_unknown_names_and_missing_packages_are_one_line() -> None:
    with pytest.raises(PolicyError, match="^unknown policy 'stil'; there are: absent, still$"):
        registry.make_policy("stil")
    with pytest.raises(PolicyError, match="'absent' needs the Python package 'embodiedcomp_no_such_package'"):
        registry.make_policy("absent")
