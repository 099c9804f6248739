"""A trial's options: written and read back unchanged, checked before anything starts."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from embodiedcomp_eval.config import ConfigError, config_path, dump_yaml, load_yaml
from embodiedcomp_eval.trial_config import TrialConfig, trial_from_mapping


def test_round_trip() -> None:
    config = TrialConfig(codec="jpeg", target_bitrate=8000.0, grey=True, seed=42, link="lossy")
    again = trial_from_mapping(config.to_mapping(), "f")
    assert again.to_mapping() == config.to_mapping()
    assert math.isnan(again.target_bpp) and again.target_bitrate == 8000.0


def test_a_seed_for_each_episode() -> None:
    assert TrialConfig(seed=10, episodes=3).seeds == [10, 11, 12]


def test_the_send_schedule_is_hinted_to_the_rate_control() -> None:
    config = TrialConfig(codec="jpeg", target_bpp=0.1)
    task = config.validate()
    assert config.stream(task).frame_period == pytest.approx(1.0)
    assert dataclasses.replace(config, send="every_step").stream(task).frame_period == pytest.approx(0.1)


def test_a_bit_rate_is_shared_by_the_cameras() -> None:
    config = TrialConfig(codec="jpeg", target_bitrate=8000.0)
    task = config.validate()
    assert len(task.cameras) == 2 and config.stream(task).target_bitrate == 4000.0
    assert math.isnan(TrialConfig(codec="jpeg", target_bpp=0.1).stream(task).target_bitrate)


def test_a_task_that_asks_less_often_than_chunks_last_is_refused(tmp_path: Path) -> None:
    values = load_yaml(config_path("tasks", "ur5e_lift"))
    (tmp_path / "slow.yaml").write_text(dump_yaml({**values, "replan_period": 13}))
    with pytest.raises(ConfigError, match=r"a query every 1.3 s \(replan_period 13\) .* max_chunk_age is 1.2 s"):
        TrialConfig(codec="jpeg", task=str(tmp_path / "slow.yaml")).validate()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "nope"}, "unknown codec 'nope'"),
        ({"target_bpp": 0.1, "target_bitrate": 5.0}, "both set"),
        ({"target_bpp": 0.0}, "target_bpp 0 is impossible"),
        ({"target_bpp": 25.0}, "target_bpp 25 is impossible"),
        ({"target_bitrate": -5.0}, "target_bitrate -5 is impossible"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"task": "nope"}, "unknown task 'nope'"),
        ({"policy": "nope"}, "unknown policy 'nope'"),
        ({"timing": "realtime", "transport": "inprocess"}, "needs transport ros"),
        ({"timing": "charged"}, "needs transport inprocess"),
        ({"link": "lossy", "send": "every_step"}, "not repeatable over ros"),
    ],
)
def test_what_can_not_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrialConfig(**{"codec": "jpeg", **options}).validate()
