"""Gray-mapped square QAM."""

from typing import Any

import torch

from linksim.block import Block
from linksim.blocks.sionna.runtime import OnDemand, Precision
from linksim.errors import DimensionError, require
from linksim.types import Bits, LLRs, Received, Symbols

ORDERS = (2, 4, 6, 8)


def _checked(bits_per_symbol: int) -> int:
    require(bits_per_symbol in ORDERS, "bits_per_symbol", "2, 4, 6 or 8: QPSK to 256-QAM", bits_per_symbol)
    return bits_per_symbol


class QAMMapper(Block):
    """Gray-mapped QAM of mean energy 1, as 5G maps it: the first bit is the sign of the real part, 0 to plus.

    Shapes: bits [batch, n] uint8, n a multiple of `bits_per_symbol`; out.samples [batch, n/bits_per_symbol] complex. A
    hard decision lies upstream, so no gradient passes.
    Source: 3GPP TS 38.211, section 5.1, by Sionna's Mapper.

    Raises:
        ParameterError: `bits_per_symbol` is not 2, 4, 6 or 8.
        DimensionError: the bits do not fill whole symbols.

    >>> QAMMapper(bits_per_symbol=2)(bits=torch.tensor([[0, 0, 1, 0]], dtype=torch.uint8)).samples.real.sign().tolist()
    [[1.0, -1.0]]
    """

    def __init__(self, *, bits_per_symbol: int = 4) -> None:
        super().__init__()
        self.bits_per_symbol = _checked(bits_per_symbol)
        self._mapper = OnDemand(self._make)

    def _make(self, device: str, precision: Precision) -> Any:
        from sionna.phy.mapping import Mapper

        return Mapper("qam", self.bits_per_symbol, device=device, precision=precision)

    def forward(self, bits: Bits) -> Symbols:
        if bits.shape[1] % self.bits_per_symbol:
            raise DimensionError(
                f"'bits' must fill whole symbols of {self.bits_per_symbol} bits (got {bits.shape[1]} bits)"
            )
        values = bits.to(torch.get_default_dtype())
        samples = self._mapper.like(values)(values)
        return Symbols(samples, torch.full((len(bits),), samples.shape[1], device=bits.device))


class QAMDemapper(Block):
    """Log-likelihood ratios of Gray-mapped QAM, each symbol by its own gain and noise variance; all points count.

    Shapes: received.symbols.samples [batch, uses]; out [batch, uses*bits_per_symbol], ln P(bit=1)/P(bit=0), 0 past the
    length. Gradients pass.
    Source: Proakis, Digital Communications, ch. 4, by Sionna's a-posteriori Demapper.

    Raises:
        ParameterError: `bits_per_symbol` is not 2, 4, 6 or 8.

    >>> from linksim.blocks import AWGN
    >>> bits = torch.tensor([[0, 1, 1, 0, 1, 1, 0, 0]], dtype=torch.uint8)
    >>> received = AWGN().seed(1)(symbols=QAMMapper()(bits=bits), snr_db=torch.tensor([30.0]))
    >>> (QAMDemapper()(received=received) > 0).int().tolist()
    [[0, 1, 1, 0, 1, 1, 0, 0]]
    """

    def __init__(self, *, bits_per_symbol: int = 4) -> None:
        super().__init__()
        self.bits_per_symbol = _checked(bits_per_symbol)
        self._demapper = OnDemand(self._make)

    def _make(self, device: str, precision: Precision) -> Any:
        from sionna.phy.mapping import Demapper

        return Demapper("app", "qam", self.bits_per_symbol, device=device, precision=precision)

    def forward(self, received: Received) -> LLRs:
        samples, gain = received.symbols.samples, received.gain
        strength = gain.abs().square().clamp_min(1e-20)
        # Sionna broadcasts whatever it gets: both are of one shape here.
        noise = (received.noise_variance / strength).clamp_min(1e-12)
        llrs = self._demapper.like(samples)(samples * gain.conj() / strength, noise)
        return llrs * received.symbols.mask.repeat_interleave(self.bits_per_symbol, 1)
