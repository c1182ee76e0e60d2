"""A channel for training: some pictures fade, others do not."""

from types import MappingProxyType

import torch

from linksim.block import Block
from linksim.blocks.channels.noise import complex_normal, flat_channel
from linksim.errors import require
from linksim.types import Decibels, Received, Symbols


class RandomFading(Block):
    """Slow flat Rayleigh fading, known at the receiver, on a random share of the pictures; AWGN on the others.

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB, the mean SNR (E|h|^2 = 1 where it fades). One h
    per picture. Gradients pass to the symbols and to snr_db.
    Source: Proakis, Digital Communications, chs. 4 and 13.

    Raises:
        ParameterError: `fading_share` is not in 0..1.

    >>> symbols = Symbols(torch.ones(8, 3, dtype=torch.complex64), torch.full((8,), 3))
    >>> received = RandomFading(fading_share=0.5).seed(1)(symbols=symbols, snr_db=torch.full((8,), 10.0))
    >>> (received.gain[:, 0] == 1).sum().item()
    3
    """

    labels = MappingProxyType({"csi": "perfect"})

    def __init__(self, *, fading_share: float = 0.25) -> None:
        super().__init__()
        require(0 <= fading_share <= 1, "fading_share", "in 0..1", fading_share)
        self.fading_share = fading_share

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        batch = len(symbols.samples)
        fades = torch.rand(batch, 1, generator=self.rng, device=symbols.samples.device) < self.fading_share
        gain = complex_normal((batch, 1), symbols.samples, self.rng)
        return flat_channel(symbols, torch.where(fades, gain, torch.ones_like(gain)), snr_db, self.rng)
