"""Headers lost, and headers wrong."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from linksim.block import Block
from linksim.types import Counts, Flags, Lengths

SentLengths = Int[Tensor, "batch sent_rows sent_cols"]
"""Lengths whose size may differ from the decoded ones: where a whole batch is lost, the receiver knows no size."""


class HeaderCounts(NamedTuple):
    """Frames erased, and frames whose map was accepted although it was wrong."""

    erasures: Counts
    undetected: Counts


class HeaderErrors(Block):
    """Whether a frame's header was lost, and whether a wrong rate map was taken for right.

    Shapes: erased [batch]; lengths [batch, rows, cols] as decoded, sent likewise as encoded, where not all are erased;
    out.erasures, out.undetected [batch], 0 or 1 of 1. No gradient.

    >>> k = torch.full((1, 2, 2), 8)
    >>> HeaderErrors()(erased=torch.tensor([False]), lengths=k, sent=k).undetected.errors.tolist()
    [0]
    """

    def forward(self, erased: Flags, lengths: Lengths, sent: SentLengths) -> HeaderCounts:
        one = torch.ones_like(erased, dtype=torch.int64)
        same_size = lengths.shape == sent.shape
        wrong = (lengths != sent).any((1, 2)) if same_size else torch.ones_like(erased)
        return HeaderCounts(Counts(erased.long(), one), Counts((wrong & ~erased).long(), one))
