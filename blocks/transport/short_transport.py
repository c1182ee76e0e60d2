"""Short messages as coded QAM symbols: a block of a polar code each, as control channels send them."""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.sionna.block_codes import BlockCode, LDPCCode, PolarCode
from linksim.blocks.sionna.qam import ORDERS, QAMDemapper, QAMMapper
from linksim.errors import ParameterError, require
from linksim.theory.finite_length import awgn_normal_approximation
from linksim.types import Bits, Decibels, Flags, Received, Symbols, Uses

STEP = 8
"""Behind a message comes a one, then zeros up to a multiple of so many bits: a number that the header can tell."""
COUNTS = 256
"""Numbers of such steps that the header tells: up to 2,039 bits."""
LARGEST_NUMBER = COUNTS * len(ORDERS) - 1
MOST_CODE_RATE = 0.75
"""The least order of QAM is taken whose code rate, check included, is not above it."""
MOST_HARDEST_RATE, MOST_FIXED_RATE = 0.92, 0.75
FEWEST_FIXED = 24
"""Uses of a message of a few letters, whose check alone needs room."""
POLAR_MOST = 480
"""Information bits up to which polar codes are used; then LDPC codes are stronger."""
CHECK_BITS, LIST_SIZE = 11, 8
TARGET_ERROR_RATE = 1e-3
GAPS_DB = {2: 1.5, 4: 2.5, 6: 2.5, 8: 3.0}
"""By the bits per symbol. Where the uses are free: the fewest at which the best code of that length would lose one
message in a thousand at an SNR that is so much lower. With these, of 200 messages of 40 to 479 bits and 60 of 900, at
-3, 2, 7, 12 and 17 dB, at most 1 % were lost."""
MOST_USES = 4096
ITERATIONS = 20


class ShortMessage(NamedTuple):
    """The message's symbols, and what the header must say of them; 0 where nothing can be sent."""

    symbols: Symbols
    number: Uses


class ShortTransportEncoder(Block):
    """Messages of up to 2,039 bits as symbols: CRC, 5G polar code, QAM; for more than 480 bits 5G LDPC.

    Args:
        uses_per_word: complex channel uses per word of the sentence, whatever the message's length; then the smallest
            QAM is taken that has room. None takes as few uses as the SNR allows: modulation and code rate follow it.
        fixed: bits per symbol of the QAM and code rate, as (4, 0.5), whatever the SNR.

    Shapes: bits [batch, n]; bit_count [batch], how many of them count; words [batch]; snr_db [batch], the mean SNR;
    out.symbols.samples [batch, most uses] complex of mean energy 1; out.number [batch] for the header. A message that
    does not fit its uses, or has no bits, is not sent, and its number is 0. Hard bits: no gradient.
    Source: 3GPP TS 38.212, sections 5.3.1 and 5.3.2, by Sionna; the number of uses by Polyanskiy, Poor and Verdu, IEEE
    Trans. Inf. Theory 2010.

    Raises:
        ParameterError: `uses_per_word` is under 1, or `fixed` names no such QAM or code rate, or both are given; a
            message has more than 2,039 bits.

    >>> from linksim.blocks import AWGN
    >>> bits, bit_count, words = torch.ones(1, 40, dtype=torch.uint8), torch.tensor([40]), torch.tensor([10])
    >>> sent = ShortTransportEncoder(uses_per_word=8)(
    ...     bits=bits, bit_count=bit_count, words=words, snr_db=torch.tensor([5.0]))
    >>> received = AWGN().seed(1)(symbols=sent.symbols, snr_db=torch.tensor([5.0]))
    >>> out = ShortTransportDecoder()(received=received, number=sent.number, erased=torch.tensor([False]))
    >>> bool((out.bits[:, :40] == bits).all()), sent.symbols.length.tolist()
    (True, [80])
    """

    def __init__(self, *, uses_per_word: int | None = None, fixed: tuple[int, float] | None = None) -> None:
        super().__init__()
        require(uses_per_word is None or uses_per_word > 0, "uses_per_word", "at least 1", uses_per_word)
        require(fixed is None or uses_per_word is None, "fixed", "left out where uses_per_word is given", fixed)
        good = fixed is None or (fixed[0] in ORDERS and 0.1 <= fixed[1] <= MOST_FIXED_RATE)
        require(good, "fixed", f"bits per symbol of {ORDERS} and a code rate in 0.1..{MOST_FIXED_RATE}", fixed)
        self.uses_per_word, self.fixed = uses_per_word, fixed
        self.mappers = nn.ModuleDict({str(order): QAMMapper(bits_per_symbol=order) for order in ORDERS})

    def forward(
        self, bits: Bits, bit_count: Int[Tensor, "batch"], words: Int[Tensor, "batch"], snr_db: Decibels
    ) -> ShortMessage:
        most = (COUNTS - 1) * STEP - 1
        if not bool(((bit_count >= 0) & (bit_count <= most)).all()):
            raise ParameterError(f"a message must have 0..{most} bits (got {bit_count.tolist()[:5]})")
        plans = [self._plan(*each) for each in zip(bit_count.tolist(), words.tolist(), snr_db.tolist(), strict=True)]
        uses = torch.tensor([plan.uses for plan in plans], device=bits.device)
        number = torch.tensor([plan.number for plan in plans], device=bits.device)
        samples = torch.zeros(len(bits), int(uses.max()), dtype=torch.complex64, device=bits.device)
        for plan, rows in groups(number, uses):
            filled = _filled(bits[rows], bit_count[rows], plan.bits)
            symbols = self.mappers[str(plan.order)](bits=plan.code().encode(filled))
            samples[rows, : plan.uses] = symbols.samples.to(samples.dtype)
        return ShortMessage(Symbols(samples, uses), number)

    def _plan(self, count: int, words: int, snr_db: float) -> "Plan":
        if count == 0:
            return Plan(0, ORDERS[0], 0)
        steps = math.ceil((count + 1) / STEP)
        if self.fixed is not None:
            order, code_rate = self.fixed
            return Plan(steps, order, max(FEWEST_FIXED, math.ceil(steps * STEP / (order * code_rate))))
        if self.uses_per_word is None:
            return plan_for(steps, fewest_uses(steps * STEP, snr_db))
        return plan_for(steps, self.uses_per_word * words)


class ReceivedMessage(NamedTuple):
    """The bits, how many count, and which frames are erased: their check failed, or their header was lost."""

    bits: UInt8[Tensor, "batch k"]
    bit_count: Int[Tensor, "batch"]
    erased: Flags


class ShortTransportDecoder(Block):
    """The inverse of `ShortTransportEncoder`.

    Shapes: received [batch, uses], the payload; number [batch], as the header says; erased [batch], frames whose header
    was lost; out.bits [batch, 2040], zeros past a frame's count; out.bit_count and out.erased [batch]. No gradient.
    Source: as `ShortTransportEncoder`; list decoding, Tal and Vardy, IEEE Trans. Inf. Theory 2015.

    >>> received = Received(
    ...     Symbols(torch.ones(1, 80) + 0j, torch.tensor([80])), torch.ones(1, 80) + 0j, torch.ones(1, 80),
    ...     torch.tensor([0]), "perfect")
    >>> ShortTransportDecoder()(received=received, number=torch.tensor([6]), erased=torch.tensor([False])).erased
    tensor([True])
    """

    def __init__(self) -> None:
        super().__init__()
        self.demappers = nn.ModuleDict({str(order): QAMDemapper(bits_per_symbol=order) for order in ORDERS})

    def forward(self, received: Received, number: Uses, erased: Flags) -> ReceivedMessage:
        uses = received.symbols.length
        bits = torch.zeros(len(uses), COUNTS * STEP, dtype=torch.uint8, device=uses.device)
        lost = torch.ones_like(erased)
        count = torch.zeros_like(uses)
        for plan, rows in groups(torch.where(erased, 0, number), uses):
            part = received.mapped(lambda each, rows=rows: each[rows])
            llrs = self.demappers[str(plan.order)](received=_cut(part, plan.uses))
            decoded = plan.code().decode(llrs.float())
            bits[rows, : plan.bits], count[rows] = _message((decoded.llrs > 0).byte())
            # A sequence of zeros passes every check, but has no one behind the message.
            lost[rows] = ~decoded.passed.all(1) | ~(decoded.llrs > 0).any(1)
        return ReceivedMessage(bits, torch.where(lost, 0, count), lost)


class Plan(NamedTuple):
    """How a message is sent: its bits in steps, the order of the QAM, the uses."""

    steps: int
    order: int
    uses: int

    @property
    def bits(self) -> int:
        """Information bits, filled up."""
        return self.steps * STEP

    @property
    def number(self) -> int:
        """For the header; 0 where nothing is sent."""
        return 0 if self.uses == 0 else ORDERS.index(self.order) * COUNTS + self.steps

    @property
    def possible(self) -> bool:
        """Whether a code has these lengths."""
        return self.bits + CHECK_BITS <= MOST_HARDEST_RATE * self.uses * self.order

    def code(self) -> BlockCode:
        """The channel code."""
        return _code(self.bits, self.uses * self.order, self.order)


def plan_for(steps: int, uses: int) -> Plan:
    """The smallest QAM with room for the bits, at the largest one a higher code rate; no uses where there is none."""
    plans = [Plan(steps, order, uses) for order in ORDERS]
    roomy = (plan for plan in plans if plan.bits + CHECK_BITS <= MOST_CODE_RATE * uses * plan.order)
    return next(roomy, plans[-1] if plans[-1].possible else Plan(steps, ORDERS[0], 0))


def groups(number: Tensor, uses: Tensor) -> Iterator[tuple[Plan, Tensor]]:
    """The plan and the frames of each kind of message; those of which nothing was sent are in none."""
    kinds = torch.stack([number, uses], 1)
    for index, count in kinds.unique(dim=0).tolist():
        order, steps = divmod(index, COUNTS)
        plan = Plan(steps, ORDERS[min(order, len(ORDERS) - 1)], count)
        if steps and order < len(ORDERS) and plan.possible:
            yield plan, (kinds == torch.tensor([index, count], device=kinds.device)).all(1).nonzero()[:, 0]


@lru_cache(maxsize=4096)
def fewest_uses(bits: int, snr_db: float) -> int:
    """The fewest uses at which these bits arrive at this SNR; `MOST_USES` where none do."""
    least, most = 8, MOST_USES
    while least < most:
        middle = (least + most) // 2
        plan = plan_for(bits // STEP, middle)
        lower = snr_db - GAPS_DB[plan.order]
        rate = awgn_normal_approximation(lower, information_bits=bits + CHECK_BITS, uses=middle)
        if rate <= TARGET_ERROR_RATE and plan.uses:
            most = middle
        else:
            least = middle + 1
    return least


def _filled(bits: Tensor, count: Tensor, length: int) -> Tensor:
    """Each message, a one behind it, then zeros, uint8 [some, length]."""
    wide = torch.nn.functional.pad(bits, (0, max(length - bits.shape[1], 0)))[:, :length]
    place = torch.arange(length, device=bits.device)
    return torch.where(place < count[:, None], wide, (place == count[:, None]).byte())


def _message(bits: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse: the messages, zeros behind them, and their numbers of bits."""
    place = torch.arange(bits.shape[1], device=bits.device)
    count = (place * bits).max(1).values
    return torch.where(place < count[:, None], bits, 0), count


def _code(bits: int, coded: int, order: int) -> BlockCode:
    if bits <= POLAR_MOST:
        return PolarCode(bits, coded, bits_per_symbol=order, list_size=LIST_SIZE)
    return LDPCCode(bits, coded, order, ITERATIONS)


def _cut(received: Received, uses: int) -> Received:
    symbols = Symbols(received.symbols.samples[:, :uses], received.symbols.length)
    return Received(
        symbols, received.gain[:, :uses], received.noise_variance[:, :uses], received.overhead, received.csi
    )
