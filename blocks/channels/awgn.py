"""The additive white Gaussian noise channel."""

from types import MappingProxyType

from linksim.block import Block
from linksim.blocks.channels.noise import flat_channel
from linksim.types import Decibels, Received, Symbols


class AWGN(Block):
    """Additive white Gaussian noise: y = x + n, n ~ CN(0, 10^(-snr_db/10)).

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB (Es/N0 per complex use, Es = 1).
    The noise variance per real dimension is half of N0. Gradients pass to the symbols and to snr_db.
    Source: Proakis, Digital Communications, ch. 4; SA-OOSC eq. 3.

    >>> import torch
    >>> symbols = Symbols(torch.ones(1, 3, dtype=torch.complex64), torch.tensor([3]))
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([10.0]))
    >>> received.noise_variance[0, 0].item()
    0.10000000149011612
    """

    labels = MappingProxyType({"csi": "perfect"})
    fades = False
    """A link takes a channel that does not say so for one that fades, and codes its header the safer."""

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        return flat_channel(symbols, None, snr_db, self.rng)
