"""Which stage a run is in, and its learning rate."""

import math
from collections.abc import Sequence

from linksim.training.recipe import Stage

WARM_UP_STEPS = 100
MIN_RATE = 0.03
"""The last learning rate over the peak, at the end of the cosine."""


def stage_at(stages: Sequence[Stage], fraction: float, reached: int) -> int:
    """The number of the stage at a fraction of the budget; never one before `reached`, also where the budget grew."""
    end = 0.0
    for number, stage in enumerate(stages):
        end += stage.share
        if fraction < end:
            return max(number, reached)
    return len(stages) - 1


def rate_factor(fraction: float, steps_in_stage: int) -> float:
    """The learning rate over its peak: linear warm-up in every stage, one cosine over the whole budget.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, for the cosine.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
    return min(1.0, (steps_in_stage + 1) / WARM_UP_STEPS) * (MIN_RATE + (1 - MIN_RATE) * cosine)
