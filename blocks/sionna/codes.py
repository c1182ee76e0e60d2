"""Channel codes of 5G as blocks, each encoder with its decoder."""

from typing import NamedTuple

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from linksim.block import Block
from linksim.blocks.sionna.block_codes import LDPCCode, PolarCode
from linksim.errors import require
from linksim.types import Bits, LLRs

CodedBits = UInt8[Tensor, "batch coded"]


class DecodedBits(NamedTuple):
    """What a channel decoder gives."""

    llrs: Float[Tensor, "batch k"]
    bits: UInt8[Tensor, "batch k"]
    passed: Bool[Tensor, "batch blocks"]


class LDPCEncoder(Block):
    """5G LDPC for any number of bits: CRC24A, code blocks with CRC24B, coding, rate matching, bit interleaving.

    Args:
        information_bits: k, bits in.
        coded_bits: n, bits out; k/n, checks included, at most 0.95.
        bits_per_symbol: bits per symbol of the modulation that follows, for the bit interleaver; 1 leaves it out.

    Shapes: bits [batch, k] uint8; out [batch, n] uint8. No gradient.
    Source: 3GPP TS 38.212, sections 5.1, 5.2.2, 5.3.2, 5.4.2, by Sionna.

    Raises:
        ParameterError: no 5G code has these lengths.
        DimensionError: the bits are not k.

    >>> import torch
    >>> bits = torch.tensor([[0, 1, 1, 0] * 10], dtype=torch.uint8)
    >>> decoded = LDPCDecoder(information_bits=40, coded_bits=128)(
    ...     llrs=8.0 * LDPCEncoder(information_bits=40, coded_bits=128)(bits=bits) - 4.0
    ... )
    >>> bool((decoded.bits == bits).all()), decoded.passed.tolist()
    (True, [[True]])
    """

    def __init__(self, *, information_bits: int = 1024, coded_bits: int = 2048, bits_per_symbol: int = 1) -> None:
        super().__init__()
        self._code = LDPCCode(information_bits, coded_bits, bits_per_symbol, iterations=1)

    def forward(self, bits: Bits) -> CodedBits:
        return self._code.encode(bits)


class LDPCDecoder(Block):
    """The inverse of `LDPCEncoder`: belief propagation, which ends for a code block when its check holds.

    Args:
        information_bits, coded_bits, bits_per_symbol: the encoder's.
        iterations: the largest number of iterations of belief propagation.

    Shapes: llrs [batch, n], ln P(bit=1)/P(bit=0); out.llrs [batch, k], beliefs in the information bits; out.bits
    [batch, k]; out.passed [batch, blocks], whether each code block's check holds. No gradient.
    Source: 3GPP TS 38.212, by Sionna's LDPC5GDecoder, sum-product rule, flooding.

    Raises:
        ParameterError: no 5G code has these lengths.
        DimensionError: the LLRs are not n.

    >>> LDPCDecoder(information_bits=40, coded_bits=128)
    LDPCDecoder(information_bits=40, coded_bits=128, bits_per_symbol=1, iterations=20)
    """

    def __init__(
        self,
        *,
        information_bits: int = 1024,
        coded_bits: int = 2048,
        bits_per_symbol: int = 1,
        iterations: int = 20,
    ) -> None:
        super().__init__()
        require(iterations > 0, "iterations", "at least 1", iterations)
        self._code = LDPCCode(information_bits, coded_bits, bits_per_symbol, iterations)

    def forward(self, llrs: LLRs) -> DecodedBits:
        found = self._code.decode(llrs)
        return DecodedBits(found.llrs, (found.llrs > 0).byte(), found.passed)


class PolarEncoder(Block):
    """5G polar code for any number of bits: code blocks of at most 1,088 coded bits, each with CRC-11; up to 19 bits
    have CRC-6.

    Args:
        information_bits: k, bits in.
        coded_bits: n, bits out.

    Shapes: bits [batch, k] uint8; out [batch, n] uint8. No gradient.
    Source: 3GPP TS 38.212, sections 5.3.1 and 5.4.1 (uplink), by Sionna.

    Raises:
        ParameterError: no 5G code has these lengths.
        DimensionError: the bits are not k.

    >>> import torch
    >>> bits = torch.tensor([[0, 1, 1, 0] * 10], dtype=torch.uint8)
    >>> decoded = PolarDecoder(information_bits=40, coded_bits=128)(
    ...     llrs=8.0 * PolarEncoder(information_bits=40, coded_bits=128)(bits=bits) - 4.0
    ... )
    >>> bool((decoded.bits == bits).all()), decoded.passed.tolist()
    (True, [[True]])
    """

    def __init__(self, *, information_bits: int = 512, coded_bits: int = 1024) -> None:
        super().__init__()
        self._code = PolarCode(information_bits, coded_bits, bits_per_symbol=1, list_size=1)

    def forward(self, bits: Bits) -> CodedBits:
        return self._code.encode(bits)


class PolarDecoder(Block):
    """The inverse of `PolarEncoder`, by successive cancellation with a list; the check chooses among the list.

    Args:
        information_bits, coded_bits: the encoder's.
        list_size: a power of 2.

    Shapes: llrs [batch, n], ln P(bit=1)/P(bit=0); out.llrs [batch, k], decisions as -1 and 1; out.bits [batch, k];
    out.passed [batch, blocks], whether each code block's check holds. No gradient.
    Source: Tal and Vardy, IEEE Trans. Inf. Theory 2015; 3GPP TS 38.212, by Sionna's Polar5GDecoder.

    Raises:
        ParameterError: no 5G code has these lengths, or the list's size is no power of 2.
        DimensionError: the LLRs are not n.

    >>> PolarDecoder(information_bits=40, coded_bits=128)
    PolarDecoder(information_bits=40, coded_bits=128, list_size=8)
    """

    def __init__(self, *, information_bits: int = 512, coded_bits: int = 1024, list_size: int = 8) -> None:
        super().__init__()
        require(list_size in (1, 2, 4, 8, 16, 32), "list_size", "a power of 2 up to 32", list_size)
        self._code = PolarCode(information_bits, coded_bits, bits_per_symbol=1, list_size=list_size)

    def forward(self, llrs: LLRs) -> DecodedBits:
        found = self._code.decode(llrs)
        return DecodedBits(found.llrs, (found.llrs > 0).byte(), found.passed)
