from __future__ import annotations

import numpy as np

from embodiedcomp_policy.joint_memory import JointMemory
from embodiedcomp_policy.robot import load_robot

ROBOT = load_robot("ur5e")
ARM, GRIPPER = ROBOT.names[:6], ROBOT.names[6:]


def test_full_messages_pass_in_the_robots_order() -> None:
    memory = JointMemory(ROBOT)
    names = ["stranger", *ROBOT.names[::-1]]
    state = memory.update(5, names, [9.0, *range(7)])
    assert state is not None and np.array_equal(state, np.arange(7)[::-1])


def test_parts_make_a_whole_until_one_of_them_falls_silent() -> None:
    memory = JointMemory(ROBOT, max_spread_ns=100)
    assert memory.update(0, ARM, np.arange(6.0)) is None
    state = memory.update(50, GRIPPER, [0.5])
    assert state is not None and state.tolist() == [0, 1, 2, 3, 4, 5, 0.5]
    assert memory.update(150, ARM, np.arange(6.0)) is not None
    assert memory.update(151, ARM, np.arange(6.0)) is None  # the gripper's 50 is too old now


def test_ragged_messages_and_reset() -> None:
    memory = JointMemory(ROBOT)
    assert memory.update(0, ROBOT.names, [0.0] * 6) is None
    assert memory.update(0, ROBOT.names, [0.0] * 7) is not None
    memory.reset()
    assert memory.update(0, ARM, [0.0] * 6) is None
