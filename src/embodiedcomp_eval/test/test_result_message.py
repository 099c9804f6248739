"""What is published of an attempt that the infrastructure voided."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Time

from embodiedcomp_eval.nodes.messages import error_message
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig


def test_a_voided_attempt_names_its_error_and_claims_nothing(small_task: TaskConfig) -> None:
    config = TrialConfig(codec="jpeg", target_bpp=0.5)
    message = error_message(config, small_task, 3, 10003, "stuck at step 0", Time(sec=7))
    assert message.error == "stuck at step 0" and (message.episode, message.seed) == (3, 10003)
    assert (message.codec, message.target_bpp, message.stamp.sec) == ("jpeg", 0.5, 7)
    assert not message.success and message.steps == 0 and math.isnan(message.action_efficiency)
