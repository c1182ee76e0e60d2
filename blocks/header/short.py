"""A header that carries one number: for messages that are so short that a picture's header would outweigh them."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.header.small_block import MOST_BITS, codebook
from linksim.blocks.modulation.qpsk import QPSKDemapper, QPSKMapper
from linksim.errors import ParameterError, require
from linksim.types import Flags, Received, Symbols, Uses

LARGEST = (1 << MOST_BITS) - 1
CODED_BITS = {6: 40, 10: 56, MOST_BITS: 64}
"""Coded bits, by the largest number of bits that the number has. At 0 dB the likeliest number is then wrong once in a
thousand headers or less."""
LEAST_PROBABILITY = 0.95


class ShortHeaderEncoder(Block):
    """A number from 0 to `largest_number` as channel uses of unit power: 5G's code for small blocks, QPSK.

    20 channel uses for up to six bits, 28 for up to ten, 32 for eleven. As in 5G there is no check under twelve bits:
    it would outweigh them, and the receiver knows how sure it is. 5G has other codes for one and two bits; here they
    have the same one.

    Args:
        largest_number: that can be sent, 1 to 2047.

    Shapes: number [batch] int; out.samples [batch, uses]. Hard bits: no gradient.
    Source: 3GPP TS 38.212, sections 5.3.3.3 and 5.4.3; 6.3.1.2.2 for the check.

    Raises:
        ParameterError: `largest_number` is not in 1..2047, or a number is not in 0..`largest_number`.

    >>> ShortHeaderEncoder(largest_number=32)(number=torch.tensor([17])).length.tolist()
    [20]
    """

    def __init__(self, *, largest_number: int = LARGEST) -> None:
        super().__init__()
        self.largest_number = checked_largest(largest_number)
        self._mapper = QPSKMapper()

    def forward(self, number: Uses) -> Symbols:
        if not bool(((number >= 0) & (number <= self.largest_number)).all()):
            raise ParameterError(f"'number' must be in 0..{self.largest_number} (got {number.tolist()[:5]})")
        bits = self.largest_number.bit_length()
        coded = codebook(bits, 2 * short_header_uses(self.largest_number)).to(number.device)[number]
        symbols: Symbols = self._mapper(bits=coded)
        return Symbols(symbols.samples.to(torch.complex64), symbols.length)


class ReadNumber(NamedTuple):
    """The number, 0 where the header is lost; the uses of the header; whether it is lost."""

    number: Uses
    uses: Uses
    erased: Flags


class ShortHeaderDecoder(Block):
    """The inverse of `ShortHeaderEncoder`: the likeliest of all numbers, lost where it is not likely enough.

    Over AWGN, with numbers to 32, 0.06 % of the headers are lost at 0 dB and 1.9 % at -2 dB; 0.005 % and 0.06 % are
    wrong (40,000 headers). The decision relies on the noise variance that the receiver gives; where that is too
    small, more wrong numbers pass.

    Args:
        largest_number: the encoder's.
        least_probability: that the number is right, given what was received; below it the header is lost. 0 takes
            the likeliest number, for messages with a check of their own.

    Shapes: received [batch, uses], the frame; out.number, out.uses and out.erased [batch]. Hard decisions: no gradient.
    Source: maximum a posteriori decisions, Proakis, Digital Communications, ch. 4.

    Raises:
        ParameterError: `largest_number` is not in 1..2047, or `least_probability` is not in [0, 1).

    >>> from linksim.blocks import AWGN
    >>> sent = ShortHeaderEncoder(largest_number=32)(number=torch.tensor([17]))
    >>> received = AWGN().seed(1)(symbols=sent, snr_db=torch.tensor([5.0]))
    >>> ShortHeaderDecoder(largest_number=32)(received=received)
    ReadNumber(number=tensor([17]), uses=tensor([20]), erased=tensor([False]))
    """

    def __init__(self, *, largest_number: int = LARGEST, least_probability: float = LEAST_PROBABILITY) -> None:
        super().__init__()
        self.largest_number = checked_largest(largest_number)
        require(0 <= least_probability < 1, "least_probability", "in [0, 1)", least_probability)
        self.least_probability = least_probability
        self._demapper = QPSKDemapper()

    def forward(self, received: Received) -> ReadNumber:
        uses = short_header_uses(self.largest_number)
        llrs = self._demapper(received=_front(received, uses)).double()
        numbers = codebook(self.largest_number.bit_length(), 2 * uses)[: self.largest_number + 1].to(llrs)
        probability, number = (llrs @ numbers.T).softmax(1).max(1)
        erased = (probability < self.least_probability) | (received.symbols.length < uses)
        return ReadNumber(torch.where(erased, 0, number), torch.full_like(number, uses), erased)


def short_header_uses(largest: int) -> int:
    """Channel uses of the header for numbers up to the largest."""
    return next(coded for most, coded in CODED_BITS.items() if largest.bit_length() <= most) // 2


def checked_largest(largest: int) -> int:
    """The largest number. Raises `ParameterError` where the code cannot carry it."""
    require(0 < largest <= LARGEST, "largest_number", f"in 1..{LARGEST}", largest)
    return largest


def _front(received: Received, uses: int) -> Received:
    """The first uses of a frame; a frame that is shorter is filled up."""

    def cut(values: torch.Tensor, filling: float) -> torch.Tensor:
        missing = max(uses - values.shape[1], 0)
        return torch.nn.functional.pad(values, (0, missing), value=filling)[:, :uses]

    symbols = Symbols(cut(received.symbols.samples, 0.0), received.symbols.length.clamp_max(uses))
    return Received(
        symbols, cut(received.gain, 0.0), cut(received.noise_variance, 1.0), received.overhead, received.csi
    )
