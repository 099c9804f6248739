"""When a predicted frame is not worth its bits: it costs far more than it may, or shows another scene. A key frame is, then."""

from __future__ import annotations

from embodiedcomp_codec.quality_search import Goal
from embodiedcomp_codec.rate_control import Budget

SURPRISE = 1.0  # halvings of motion: what is dear after that is something new
MOST_BACK = (
    2.0  # halvings, at most, from a trial that was too dear to the next: beyond that it was a cliff, or a new scene
)
MARGIN = 0.35  # allowances over the limit that are borne rather than paying for a key frame
OWING_MARGIN = 1.0  # the same while an earlier key frame is being repaid: two in a row would break the promise


def too_dear(bits: int, goal: Goal, budget: Budget) -> bool:
    """Whether a predicted frame of ``bits`` costs so much more than it may that a key frame is the better use of them."""
    return bits > goal.limit + (OWING_MARGIN if budget.owing else MARGIN) * budget.allowance


def another_scene(bits: int, goal: Goal, budget: Budget, leap: float, coarsest: bool = False) -> bool:
    """Whether a frame that costs ``bits`` at the quality of the last one shows what no frame before did.

    Made coarse enough to be paid for it would be of no use, and many frames after it would be little better. leap:
    of motion, in halvings. coarsest: nothing finer than the coarsest step was affordable. With one frame a query never: any
    two may differ as much.
    """
    far = coarsest or bits > goal.bits * 2**MOST_BACK
    return far and leap >= SURPRISE and not budget.sparse and too_dear(bits, goal, budget)
