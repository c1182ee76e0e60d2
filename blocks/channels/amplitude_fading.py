"""Rayleigh fading as WITT and SwinJSCC simulate it: a real gain at every use, which nobody knows."""

import math
from dataclasses import replace
from types import MappingProxyType

import torch

from linksim.block import Block
from linksim.blocks.channels.noise import complex_normal, flat_channel
from linksim.types import Decibels, Received, Symbols

MEAN_GAIN = math.sqrt(math.pi) / 2
"""E|h| where E|h|^2 = 1."""


class AmplitudeFading(Block):
    """y = |h| x + n, h ~ CN(0, 1) new at every use, the phase known and the gain not: another channel than `Rayleigh`.

    The receiver is told the mean gain sqrt(pi)/2, and as noise variance N0 plus that of the gain, 1 - pi/4, at unit
    signal power: csi "none".

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB, the mean SNR (E|h|^2 = 1). Gradients pass to
    the symbols and to snr_db.
    Source: the channel of WITT (Yang et al., ICASSP 2023) and SwinJSCC, as their published code has it.

    >>> symbols = Symbols(torch.ones(1, 4000, dtype=torch.complex64), torch.tensor([4000]))
    >>> received = AmplitudeFading().seed(1)(symbols=symbols, snr_db=torch.tensor([60.0]))
    >>> round(received.symbols.samples.real.mean().item(), 2), round(received.gain[0, 0].real.item(), 2)
    (0.89, 0.89)
    """

    labels = MappingProxyType({"csi": "none"})

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        sent = symbols.samples
        gain = complex_normal(tuple(sent.shape), sent, self.rng).abs().to(sent.dtype)
        received = flat_channel(symbols, gain, snr_db, self.rng)
        return replace(
            received,
            gain=torch.full_like(received.gain, MEAN_GAIN),
            noise_variance=received.noise_variance + (1 - MEAN_GAIN**2),
            csi="none",
        )
