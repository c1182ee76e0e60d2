"""Zero-forcing equalization."""

import torch

from linksim.block import Block
from linksim.types import Received, Symbols


class ZeroForcingEqualizer(Block):
    """Divide by the channel gain: y/h, whose noise variance is N0/|h|^2.

    Shapes: received.symbols.samples [batch, uses]; out likewise, with gain 1. Gradients pass.
    Source: Tse and Viswanath, Fundamentals of Wireless Communication, 8.3.

    >>> from linksim.blocks import Rayleigh
    >>> symbols = Symbols(torch.ones(1, 3, dtype=torch.complex64), torch.tensor([3]))
    >>> received = Rayleigh().seed(1)(symbols=symbols, snr_db=torch.tensor([90.0]))
    >>> ZeroForcingEqualizer()(received=received).symbols.samples.abs().round(decimals=2)
    tensor([[1., 1., 1.]])
    """

    def forward(self, received: Received) -> Received:
        strength = received.gain.abs().square().clamp_min(torch.finfo(received.noise_variance.dtype).tiny * 1e6)
        return Received(
            symbols=Symbols(received.symbols.samples * received.gain.conj() / strength, received.symbols.length),
            gain=torch.ones_like(received.gain),
            noise_variance=received.noise_variance / strength,
            overhead=received.overhead,
            csi=received.csi,
        )
