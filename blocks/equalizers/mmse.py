"""Minimum mean squared error equalization."""

import torch

from linksim.block import Block
from linksim.types import Received, Symbols


class MMSEEqualizer(Block):
    """Weigh by conj(h)/(|h|^2 + N0): least mean squared error for unit-power symbols.

    The result is biased: its gain is |h|^2/(|h|^2 + N0), its noise variance |h|^2 N0/(|h|^2 + N0)^2; both are handed
    on, so that a demapper or a decoder works on it as on any other `Received`.

    Shapes: received.symbols.samples [batch, uses]; out likewise. Gradients pass.
    Source: Tse and Viswanath, Fundamentals of Wireless Communication, 8.3.3.

    >>> from linksim.blocks import Rayleigh
    >>> symbols = Symbols(torch.ones(1, 3, dtype=torch.complex64), torch.tensor([3]))
    >>> received = Rayleigh().seed(1)(symbols=symbols, snr_db=torch.tensor([90.0]))
    >>> MMSEEqualizer()(received=received).symbols.samples.abs().round(decimals=2)
    tensor([[1., 1., 1.]])
    """

    def forward(self, received: Received) -> Received:
        strength = received.gain.abs().square()
        total = strength + received.noise_variance
        bias = strength / total
        return Received(
            symbols=Symbols(received.symbols.samples * received.gain.conj() / total, received.symbols.length),
            gain=torch.complex(bias, torch.zeros_like(bias)),
            noise_variance=bias * received.noise_variance / total,
            overhead=received.overhead,
            csi=received.csi,
        )
