"""Bit and frame errors."""

import torch

from linksim.block import Block
from linksim.types import Bits, Counts, LLRs


class BitErrors(Block):
    """Bits decided wrongly, per frame; an LLR above 0 decides for 1. A hard decision: no gradient.

    Shapes: received [batch, n] LLRs; sent [batch, n] bits; out.errors and out.trials [batch].

    >>> sent = torch.tensor([[0, 1, 1]], dtype=torch.uint8)
    >>> BitErrors()(received=torch.tensor([[-1.0, 2.0, -3.0]]), sent=sent)
    Counts(errors=tensor([1]), trials=tensor([3]))
    """

    def forward(self, received: LLRs, sent: Bits) -> Counts:
        errors = ((received > 0) != sent.bool()).sum(1)
        return Counts(errors, torch.full_like(errors, sent.shape[1]))


class FrameErrors(Block):
    """Whether any bit of a frame was decided wrongly. A hard decision: no gradient.

    Shapes: received [batch, n] LLRs; sent [batch, n] bits; out.errors and out.trials [batch], 0 or 1 of 1.

    >>> sent = torch.tensor([[0, 1, 1]], dtype=torch.uint8)
    >>> FrameErrors()(received=torch.tensor([[-1.0, 2.0, -3.0]]), sent=sent)
    Counts(errors=tensor([1]), trials=tensor([1]))
    """

    def forward(self, received: LLRs, sent: Bits) -> Counts:
        errors = ((received > 0) != sent.bool()).any(1).long()
        return Counts(errors, torch.ones_like(errors))
