"""What a lossy link did to one camera's stream, from what was sent, delivered and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LossAccount:
    """Counts of frames. wrong: shown but unlike what the packets, all of them, decode to: built on a missing reference.

    outages: spans without a picture. back: for each, frames from the next delivered key frame to the next picture (0: it is the
    key frame itself). missed: for each, frames without a picture.
    """

    sent: int
    lost: int
    shown: int
    wrong: int
    keys: int
    back: tuple[int, ...]
    missed: tuple[int, ...]


def account(sent: Sequence[int], keys: set[int], delivered: set[int], right: Mapping[int, bool]) -> LossAccount:
    """sent: stamps in order. keys: those of key frames. right: of each shown picture, whether it is as it should be.

    Raises ValueError where a picture was shown whose packet was not delivered: then whoever listened missed packets himself.
    """
    unheard = sum(stamp not in delivered for stamp in right)
    if unheard:
        raise ValueError(f"{unheard} of {len(right)} pictures shown are of packets that nobody heard being delivered")
    back, missed = [], []
    index = 0
    while index < len(sent):
        if sent[index] in right:
            index += 1
            continue
        first = index
        while index < len(sent) and sent[index] not in right:
            index += 1
        if index == len(sent):
            break  # cut off by the end of the measurement
        missed.append(index - first)
        restart = next((at for at in range(first, index + 1) if sent[at] in keys and sent[at] in delivered), index)
        back.append(index - restart)
    return LossAccount(
        sent=len(sent),
        lost=sum(stamp not in delivered for stamp in sent),
        shown=len(right),
        wrong=sum(not fine for fine in right.values()),
        keys=sum(stamp in keys for stamp in sent),
        back=tuple(back),
        missed=tuple(missed),
    )
