"""The flat Rayleigh fading channel."""

from numbers import Integral
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.channels.noise import complex_normal, flat_channel
from linksim.errors import require
from linksim.types import Decibels, Received, Symbols

Coherence = Literal["frame", "symbol"] | int
"""What fades together: a frame, a use, or blocks of so many uses."""


class Rayleigh(Block):
    """Flat Rayleigh fading: y = h x + n, h ~ CN(0, 1), complex, known at the receiver.

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB, the mean SNR (E|h|^2 = 1).
    `coherence` "frame": one h per picture, for header and payload alike; "symbol": a new h at every use; a number:
    block fading, a new h after so many uses. A realisation is never normalised. Gradients pass to the symbols and to
    snr_db.
    Source: Proakis, Digital Communications, ch. 13; Tse and Viswanath, ch. 2.

    Raises:
        ParameterError: `coherence` is neither "frame" nor "symbol" nor a positive whole number.

    >>> import torch
    >>> symbols = Symbols(torch.ones(2, 3, dtype=torch.complex64), torch.tensor([3, 3]))
    >>> gain = Rayleigh().seed(1)(symbols=symbols, snr_db=torch.tensor([10.0, 10.0])).gain
    >>> bool((gain[0, 0] == gain[0, 1]) & (gain[0, 0] != gain[1, 0]))
    True
    """

    labels = MappingProxyType({"csi": "perfect"})

    def __init__(self, *, coherence: Coherence = "frame") -> None:
        super().__init__()
        self.coherence: Coherence = checked_coherence(coherence)

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        return flat_channel(symbols, draw_gain(symbols, self.coherence, self.rng), snr_db, self.rng)


def checked_coherence(coherence: Coherence) -> Coherence:
    """The coherence. Raises `ParameterError` where it is none."""
    counted = isinstance(coherence, Integral) and not isinstance(coherence, bool)
    known = coherence in ("frame", "symbol") or (counted and int(coherence) > 0)
    require(known, "coherence", "'frame' or 'symbol' or a positive number of uses", coherence)
    return coherence


def draw_gain(symbols: Symbols, coherence: Coherence, generator: torch.Generator) -> Tensor:
    """Scattered gains CN(0, 1), [batch, uses], or [batch, 1] where a frame fades together."""
    batch, uses = symbols.samples.shape
    if coherence == "frame":
        return complex_normal((batch, 1), symbols.samples, generator)
    together = 1 if coherence == "symbol" else coherence
    drawn = complex_normal((batch, -(-uses // together)), symbols.samples, generator)
    return drawn.repeat_interleave(together, 1)[:, :uses]
