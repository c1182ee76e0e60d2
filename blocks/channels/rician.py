"""The flat Rician fading channel."""

import math
from types import MappingProxyType

import torch

from linksim.block import Block
from linksim.blocks.channels.noise import flat_channel
from linksim.blocks.channels.rayleigh import Coherence, checked_coherence, draw_gain
from linksim.errors import require
from linksim.types import Decibels, Received, Symbols


class Rician(Block):
    """Flat Rician fading: y = h x + n, h = sqrt(K/(K+1)) exp(j phi) + sqrt(1/(K+1)) g, g ~ CN(0, 1), known at the
    receiver.

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch] in dB, the mean SNR (E|h|^2 = 1).
    `k_factor_db` is the power of the line of sight over the scattered power, in dB. The phase phi of the line of sight
    is uniform and one per frame. `coherence` as in Rayleigh. Gradients pass to the symbols and to snr_db.
    Source: Proakis, Digital Communications, ch. 13; Tse and Viswanath, ch. 2.

    Raises:
        ParameterError: `coherence` is unknown, or `k_factor_db` is outside -100..100.

    >>> symbols = Symbols(torch.ones(1, 3, dtype=torch.complex64), torch.tensor([3]))
    >>> received = Rician(k_factor_db=80.0).seed(1)(symbols=symbols, snr_db=torch.tensor([10.0]))
    >>> round(received.gain[0, 0].abs().item(), 2)
    1.0
    """

    labels = MappingProxyType({"csi": "perfect"})

    def __init__(self, *, k_factor_db: float = 6.0, coherence: Coherence = "frame") -> None:
        super().__init__()
        require(-100 <= k_factor_db <= 100, "k_factor_db", "in -100..100 dB", k_factor_db)
        self.coherence: Coherence = checked_coherence(coherence)
        self.k_factor = 10.0 ** (k_factor_db / 10.0)

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        sent = symbols.samples
        phase = torch.rand(sent.shape[0], 1, device=sent.device, dtype=sent.real.dtype, generator=self.rng)
        line_of_sight = torch.polar(torch.ones_like(phase), phase * math.tau)
        scattered = draw_gain(symbols, self.coherence, self.rng)
        share = self.k_factor / (self.k_factor + 1.0)
        gain = math.sqrt(share) * line_of_sight + math.sqrt(1.0 - share) * scattered
        return flat_channel(symbols, gain, snr_db, self.rng)
