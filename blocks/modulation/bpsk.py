"""Binary phase-shift keying."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.types import Bits, LLRs, Received, Symbols


def matched_filter(received: Received) -> Tensor:
    """conj(gain)/N0, complex, to be broadcast to [batch, uses]."""
    gain, noise_variance = received.gain, received.noise_variance
    # One value for a whole frame is stored once, with stride 0: then one division per frame is enough.
    if gain.stride(1) == 0 and noise_variance.stride(1) == 0:
        gain, noise_variance = gain[:, :1], noise_variance[:, :1]
    return gain.conj() / noise_variance


class BPSKMapper(Block):
    """BPSK: bit 0 to +1, bit 1 to -1, on the real axis; one bit per complex channel use.

    Shapes: bits [batch, n] uint8; out.samples [batch, n] complex, out.length [batch]. A hard decision lies upstream,
    so no gradient passes.
    Source: Proakis, Digital Communications, ch. 3.

    >>> BPSKMapper()(bits=torch.tensor([[0, 1]], dtype=torch.uint8)).samples.real.tolist()
    [[1.0, -1.0]]
    """

    def forward(self, bits: Bits) -> Symbols:
        amplitude = torch.rsub(bits.to(torch.get_default_dtype()), 1.0, alpha=2.0)
        length = torch.full((bits.shape[0],), bits.shape[1], device=bits.device)
        return Symbols(amplitude.to(amplitude.dtype.to_complex()), length)


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
        scale = matched_filter(received) * -4.0
        return (received.symbols.samples * scale).real
