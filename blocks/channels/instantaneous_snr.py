"""The SNR that a frame has in its own fade."""

import torch

from linksim.block import Block
from linksim.types import Decibels


class InstantaneousSNR(Block):
    """The SNR of each frame on slow Rayleigh fading: the mean SNR times |h|^2, h ~ CN(0, 1).

    A frame in a slow fade sees AWGN of this SNR, once the receiver has divided by h. So this block before a link over
    AWGN simulates a transmitter that knows the fade of every frame.

    Shapes: snr_db [batch], the mean, in dB; out [batch] in dB. Gradients pass to snr_db.
    Source: Tse and Viswanath, Fundamentals of Wireless Communication, section 5.4.

    >>> means = torch.full((100_000,), 10.0)
    >>> round(float((10 ** (InstantaneousSNR().seed(1)(snr_db=means) / 10)).mean()), 1)
    10.0
    """

    def forward(self, snr_db: Decibels) -> Decibels:
        strength = torch.empty_like(snr_db).exponential_(generator=self.rng)
        return snr_db + 10 * strength.clamp_min(torch.finfo(strength.dtype).tiny).log10()
