"""The SNR that a receiver sees."""

from linksim.block import Block
from linksim.types import Decibels, Received


class ReceivedSNR(Block):
    """The SNR of each frame as its receiver knows it: the mean of |gain|^2 / noise variance over the channel uses.

    Shapes: received as `Received`; out [batch] in dB. Gradients pass.
    Source: linksim.

    >>> import torch
    >>> from linksim.types import Symbols
    >>> ones = torch.ones(1, 4)
    >>> symbols, none = Symbols(ones + 0j, torch.tensor([4])), torch.tensor([0])
    >>> round(ReceivedSNR()(received=Received(symbols, 2 * ones + 0j, ones / 5, none, "perfect")).item(), 2)
    13.01
    """

    def forward(self, received: Received) -> Decibels:
        ratio = received.gain.abs().square() / received.noise_variance
        used = received.symbols.mask
        mean = (ratio * used).sum(1) / used.sum(1).clamp_min(1)
        return 10 * mean.clamp_min(1e-9).log10()
