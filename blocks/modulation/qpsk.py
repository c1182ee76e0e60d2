"""Quaternary phase-shift keying."""

import math

import torch

from linksim.block import Block
from linksim.blocks.modulation.bpsk import matched_filter
from linksim.errors import DimensionError
from linksim.types import Bits, LLRs, Received, Symbols


class QPSKMapper(Block):
    """Gray-mapped QPSK: ((1-2b0) + j(1-2b1)) / sqrt(2); two bits per complex channel use.

    Shapes: bits [batch, n] uint8, n even; out.samples [batch, n/2] complex.
    Source: 3GPP TS 38.211, 5.1.3.

    Raises:
        DimensionError: n is odd.

    >>> QPSKMapper()(bits=torch.tensor([[0, 1]], dtype=torch.uint8)).samples
    tensor([[0.7071-0.7071j]])
    """

    def forward(self, bits: Bits) -> Symbols:
        if bits.shape[1] % 2:
            raise DimensionError(f"QPSK carries two bits per use; n must be even (got {bits.shape[1]})")
        amplitude = (1.0 - 2.0 * bits.to(torch.get_default_dtype())) * math.sqrt(0.5)
        samples = torch.view_as_complex(amplitude.unflatten(1, (-1, 2)))
        return Symbols(samples, torch.full((bits.shape[0],), samples.shape[1], device=bits.device))


class QPSKDemapper(Block):
    """Log-likelihood ratios of Gray-mapped QPSK bits, exact: -2 sqrt(2) Re or Im(conj(gain) y) / N0.

    Shapes: received.symbols.samples [batch, uses]; out [batch, 2*uses] float, ln P(bit=1)/P(bit=0).
    Source: 3GPP TS 38.211, 5.1.3, and Proakis, ch. 4; gradients pass.

    >>> from linksim.blocks import AWGN
    >>> symbols = QPSKMapper()(bits=torch.tensor([[0, 1]], dtype=torch.uint8))
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([20.0]))
    >>> (QPSKDemapper()(received=received) > 0).tolist()
    [[False, True]]
    """

    def forward(self, received: Received) -> LLRs:
        scaled = received.symbols.samples * (matched_filter(received) * (-2.0 * math.sqrt(2.0)))
        return torch.view_as_real(scaled).flatten(1)
