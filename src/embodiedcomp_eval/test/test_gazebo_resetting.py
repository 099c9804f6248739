"""The reset of a Gazebo trial, step by step."""

from __future__ import annotations

import numpy as np

from embodiedcomp_eval.gazebo.resetting import PATIENCE_NS, REST_TIME_NS, Action, Resetting, Step

HOME = np.array([0.1, -1.0, 1.0, 0.0])
AWAY = HOME + [0.5, 0.0, 0.0, 0.7]
SECOND = 1_000_000_000


def homed(seed: int = 1, episode: int = 0) -> Resetting:
    resetting = Resetting(HOME)
    assert not resetting.ask(seed, episode)
    assert resetting.next_action(0, HOME) is Action.PLACE
    return resetting


def test_from_question_to_ready() -> None:
    resetting = Resetting(HOME)
    assert resetting.step is Step.IDLE and resetting.next_action(0, AWAY) is Action.NOTHING
    assert not resetting.ask(7, 3)
    assert resetting.next_action(5, None) is Action.NOTHING, "nobody knows yet where the arm is"
    assert resetting.next_action(5, AWAY) is Action.GO_HOME
    assert resetting.next_action(6, AWAY) is Action.NOTHING, "once is enough"
    assert resetting.next_action(SECOND, HOME + 0.005) is Action.PLACE
    assert resetting.next_action(SECOND, HOME) is Action.NOTHING
    assert not resetting.ask(7, 3)
    resetting.placed({"object": "cube"})
    resetting.see_object(2 * SECOND, np.array([0.5, 0.0, 0.010]))
    resetting.see_object(2 * SECOND + REST_TIME_NS // 2, np.array([0.5, 0.0, 0.005]))
    resetting.see_object(2 * SECOND + REST_TIME_NS, np.array([0.5, 0.0, 0.005]))
    assert resetting.step is Step.RESTING, "it fell until half the time was over"
    resetting.see_object(3 * SECOND + REST_TIME_NS, np.array([0.5, 0.0, 0.005]))
    assert resetting.ask(7, 3)
    assert resetting.scene == {"object": "cube", "settled_position": [0.5, 0.0, 0.005]}


def test_the_gripper_too_must_be_open() -> None:
    resetting = Resetting(HOME)
    resetting.ask(1, 0)
    assert resetting.next_action(0, HOME + [0, 0, 0, 0.3]) is Action.GO_HOME


def test_another_episode_begins_anew_even_of_the_same_seed() -> None:
    resetting = homed()
    resetting.placed({})
    resetting.see_object(0, np.zeros(3))
    resetting.see_object(REST_TIME_NS, np.zeros(3))
    assert resetting.ask(1, 0)
    assert not resetting.ask(1, 1)
    assert resetting.step is Step.HOMING and resetting.scene == {}


def test_a_command_that_got_lost_is_given_again() -> None:
    resetting = Resetting(HOME)
    resetting.ask(1, 0)
    assert resetting.next_action(SECOND, AWAY) is Action.GO_HOME
    assert resetting.next_action(SECOND + PATIENCE_NS - 1, AWAY) is Action.NOTHING
    assert resetting.next_action(SECOND + PATIENCE_NS, AWAY) is Action.GO_HOME
    assert resetting.next_action(5, AWAY) is Action.GO_HOME, "the clock was wound back: what was said is void"


def test_a_failed_placement_is_tried_again() -> None:
    resetting = homed()
    resetting.failed()
    assert not resetting.ask(1, 0)
    assert resetting.next_action(0, HOME) is Action.PLACE


def test_a_late_answer_of_an_earlier_reset_changes_nothing() -> None:
    resetting = homed()
    resetting.ask(2, 1)
    resetting.placed({"object": "milk"})
    assert resetting.step is Step.HOMING and resetting.scene == {}


def test_a_clock_wound_back_starts_the_rest_anew() -> None:
    resetting = homed()
    resetting.placed({})
    resetting.see_object(10 * SECOND, np.zeros(3))
    resetting.see_object(1 * SECOND, np.zeros(3))
    assert resetting.step is Step.RESTING
    resetting.see_object(1 * SECOND + REST_TIME_NS, np.zeros(3))
    assert resetting.step is Step.READY
