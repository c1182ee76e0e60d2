"""The flat Rayleigh fading channel."""

from types import MappingProxyType
from typing import Literal

from linksim.block import Block
from linksim.blocks.channels.noise import complex_normal, flat_channel
from linksim.errors import require
from linksim.types import Decibels, Received, Symbols

Coherence = Literal["frame", "symbol"]


class Rayleigh(Block):
    """Flat Rayleigh fading: y = h x + n, h ~ CN(0, 1), complex, known at the receiver.

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB, the mean SNR (E|h|^2 = 1).
    `coherence` "frame": one h per picture, for header and payload alike; "symbol": a new h at every use. A realisation
    is never normalised. Gradients pass to the symbols and to snr_db.
    Source: Proakis, Digital Communications, ch. 13; Tse and Viswanath, ch. 2.

    Raises:
        ParameterError: `coherence` is neither "frame" nor "symbol".

    >>> import torch
    >>> symbols = Symbols(torch.ones(2, 3, dtype=torch.complex64), torch.tensor([3, 3]))
    >>> gain = Rayleigh().seed(1)(symbols=symbols, snr_db=torch.tensor([10.0, 10.0])).gain
    >>> bool((gain[0, 0] == gain[0, 1]) & (gain[0, 0] != gain[1, 0]))
    True
    """

    labels = MappingProxyType({"csi": "perfect"})

    def __init__(self, *, coherence: Coherence = "frame") -> None:
        super().__init__()
        require(coherence in ("frame", "symbol"), "coherence", "'frame' or 'symbol'", coherence)
        self.coherence: Coherence = coherence

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        gain = complex_normal(gain_shape(symbols, self.coherence), symbols.samples, self.rng)
        return flat_channel(symbols, gain, snr_db, self.rng)


def gain_shape(symbols: Symbols, coherence: Coherence) -> tuple[int, int]:
    """The shape of the drawn gains: one per frame, or one per use."""
    batch, uses = symbols.samples.shape
    return (batch, 1) if coherence == "frame" else (batch, uses)
