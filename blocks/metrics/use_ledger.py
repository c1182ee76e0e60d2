"""What a message cost, in channel uses."""

from typing import NamedTuple

from linksim.block import Block
from linksim.types import Received, Score, Symbols


class UsesSpent(NamedTuple):
    """Complex channel uses of the payload alone, and of everything that was sent."""

    uses: Score
    uses_total: Score


class UseLedger(Block):
    """Channel uses of each frame: what a sentence has instead of a channel bandwidth ratio.

    Shapes: payload, and header where there is one, are the symbols sent for each purpose; received gives the pilots and
    guard; out.uses and out.uses_total [batch]. No gradient.
    Source: linksim.

    >>> import torch
    >>> from linksim.blocks import AWGN
    >>> frame = Symbols(torch.ones(1, 12) + 0j, torch.tensor([12]))
    >>> received = AWGN().seed(1)(symbols=frame, snr_db=torch.tensor([10.0]))
    >>> UseLedger()(payload=frame, header=frame, received=received).uses_total.value.item()
    24.0
    """

    def forward(self, payload: Symbols, received: Received, header: Symbols | None = None) -> UsesSpent:
        total = payload.length + received.overhead + (0 if header is None else header.length)
        return UsesSpent(Score(payload.length.float()), Score(total.float()))
