"""The account of a lossy stream."""

from __future__ import annotations

import pytest

from embodiedcomp_eval.loss_account import account


def test_an_outage_ends_with_the_next_delivered_key_frame() -> None:
    sent = list(range(12))
    # 3 lost, 4 undecodable, 5 a key that is lost too, 6 undecodable, 7 a key that arrives; 10 lost and nothing after it.
    found = account(sent, {0, 5, 7}, set(sent) - {3, 5, 10}, dict.fromkeys([0, 1, 2, 7, 8, 9], True))
    assert (found.sent, found.lost, found.shown, found.wrong, found.keys) == (12, 3, 6, 0, 3)
    assert found.missed == (4,)
    assert found.back == (0,)


def test_a_decoder_that_sleeps_after_a_key_frame_is_seen() -> None:
    found = account(list(range(6)), {0, 2}, {0, 2, 3, 4, 5}, {0: True, 4: True, 5: False})
    assert found.back == (2,) and found.missed == (3,) and found.wrong == 1


def test_a_listener_that_missed_packets_is_no_loss_of_the_link() -> None:
    with pytest.raises(ValueError, match="1 of 3 pictures shown are of packets that nobody heard"):
        account([0, 1, 2], {0}, {0, 2}, {0: True, 1: True, 2: True})
