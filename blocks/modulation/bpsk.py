"""Binary phase-shift keying."""

import torch

from linksim.block import Block
from linksim.types import Bits, LLRs, Received, Symbols


class BPSKMapper(Block):
    """BPSK: bit 0 to +1, bit 1 to -1, on the real axis; one bit per complex channel use.

    Shapes: bits [batch, n] uint8; out.samples [batch, n] complex, out.length [batch]. A hard decision lies upstream,
    so no gradient passes.
    Source: Proakis, Digital Communications, ch. 3.

    >>> BPSKMapper()(bits=torch.tensor([[0, 1]], dtype=torch.uint8)).samples.real.tolist()
    [[1.0, -1.0]]
    """

    def forward(self, bits: Bits) -> Symbols:
        amplitude = 1.0 - 2.0 * bits.to(torch.get_default_dtype())
        length = torch.full((bits.shape[0],), bits.shape[1], device=bits.device)
        return Symbols(torch.complex(amplitude, torch.zeros_like(amplitude)), length)


class BPSKDemapper(Block):
    """Log-likelihood ratios of BPSK bits: -4 Re(conj(gain) y) / N0, where 1 is the bit whose sign is negative.

    Shapes: received.symbols.samples [batch, uses]; out [batch, uses] float, ln P(bit=1)/P(bit=0); 0 past the length.
    Source: Proakis, Digital Communications, ch. 4; gradients pass.

    >>> from linksim.blocks import AWGN
    >>> symbols = BPSKMapper()(bits=torch.tensor([[0, 1]], dtype=torch.uint8))
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([20.0]))
    >>> (BPSKDemapper()(received=received) > 0).tolist()
    [[False, True]]
    """

    def forward(self, received: Received) -> LLRs:
        gain, samples = received.gain, received.symbols.samples
        projection = gain.real * samples.real + gain.imag * samples.imag
        return projection * (-4.0 / received.noise_variance)
