"""Scores of the frames that arrived."""

import torch

from linksim.block import Block
from linksim.types import Flags, Score


class Delivered(Block):
    """A score of the frames that were not erased; NaN, nothing to measure, for those that were.

    Shapes: score.value [batch]; erased [batch]; out.value [batch]. Gradients pass.
    Source: no formula; a mean over all frames says how good a link is, one over these how good what arrives is.

    >>> score = Score(torch.tensor([30.0, 10.0]))
    >>> Delivered()(score=score, erased=torch.tensor([False, True])).value.tolist()
    [30.0, nan]
    """

    def forward(self, score: Score, erased: Flags) -> Score:
        return Score(torch.where(erased, torch.nan, score.value))
