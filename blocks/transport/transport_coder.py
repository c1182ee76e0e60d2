"""Bits as coded QAM symbols, each frame by its own scheme, and back."""

from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.sionna.block_codes import LDPCCode, information_bits_at
from linksim.blocks.sionna.qam import ORDERS, QAMDemapper, QAMMapper
from linksim.blocks.sionna.runtime import sionna_config
from linksim.blocks.transport.link_adaptation import IDEAL_SCHEME
from linksim.blocks.transport.mcs import Scheme, schemes
from linksim.errors import require
from linksim.types import Bits, Flags, Received, Symbols, Uses

SCRAMBLING = 1
"""c_init of the scrambling sequence: 5G's for user 0 in cell 1."""


class TransportBits(NamedTuple):
    """Bits, and how many of them, from the first, lie in code blocks that passed their checks before one failed."""

    bits: UInt8[Tensor, "batch k"]
    good: Uses


class TransportEncoder(Block):
    """Information bits as symbols: CRC24, code blocks, 5G LDPC at the scheme's rate, scrambling, QAM.

    Shapes: bits [batch, n], zeros past a frame's budget; scheme and uses [batch]; out.samples [batch, largest uses]
    complex, of mean energy 1, out.length = uses. With the ideal scheme of `LinkAdaptation` nothing is sent, but the
    uses are counted. Hard bits: no gradient.
    Source: 3GPP TS 38.212, section 5; TS 38.211, section 5.1, by Sionna.

    >>> from linksim.blocks import AWGN
    >>> bits, scheme, uses = torch.ones(1, 240, dtype=torch.uint8), torch.tensor([3]), torch.tensor([300])
    >>> symbols = TransportEncoder()(bits=bits, scheme=scheme, uses=uses)
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([20.0]))
    >>> decoded = TransportDecoder()(received=received, scheme=scheme, erased=torch.tensor([False]))
    >>> bool(decoded.bits[0, :240].all()), decoded.good.tolist()
    (True, [239])
    """

    def __init__(self) -> None:
        super().__init__()
        self.mappers = nn.ModuleDict({str(order): QAMMapper(bits_per_symbol=order) for order in ORDERS})

    def forward(self, bits: Bits, scheme: Uses, uses: Uses) -> Symbols:
        kind = torch.complex128 if torch.get_default_dtype() == torch.float64 else torch.complex64
        samples = torch.zeros(len(bits), int(uses.max()), dtype=kind, device=bits.device)
        for used, count, rows in _groups(scheme, uses):
            code = _code(used.index, count, 1)
            chosen = bits[rows, : code.information_bits]
            filled = torch.nn.functional.pad(chosen, (0, code.information_bits - chosen.shape[1]))
            coded = code.encode(filled)
            scrambled = coded ^ _scrambling(coded.shape[1]).to(coded.device)
            symbols = self.mappers[str(used.bits_per_symbol)](bits=scrambled)
            samples[rows, :count] = symbols.samples
        return Symbols(samples, uses)


class TransportDecoder(Block):
    """The inverse of `TransportEncoder`: demapping by each symbol's gain and noise variance, belief propagation.

    Args:
        iterations: the largest number of iterations of belief propagation; a code block ends when its check holds.

    Shapes: received [batch, uses], the payload; scheme [batch], as the control says; erased [batch], frames whose
    control was lost; bits [batch, most information bits]; good [batch]. Hard decisions: no gradient.
    Source: 3GPP TS 38.212, section 5, by Sionna.

    Raises:
        ParameterError: `iterations` is under 1.

    >>> TransportDecoder(iterations=10).iterations
    10
    """

    def __init__(self, *, iterations: int = 20) -> None:
        super().__init__()
        require(iterations > 0, "iterations", "at least 1", iterations)
        self.iterations = iterations
        self.demappers = nn.ModuleDict({str(order): QAMDemapper(bits_per_symbol=order) for order in ORDERS})

    def forward(self, received: Received, scheme: Uses, erased: Flags) -> TransportBits:
        length = torch.where(erased, 0, received.symbols.length)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for used, count, rows in _groups(scheme, length):
            code = _code(used.index, count, self.iterations)
            llrs = self.demappers[str(used.bits_per_symbol)](received=_part(received, rows, count))
            turned = 1 - 2 * _scrambling(llrs.shape[1]).to(llrs)
            decoded = code.decode(llrs * turned)
            # A block's bits end where the next one's begin; the last one also carries the check of all.
            blocks = decoded.passed.long().cumprod(1).sum(1)
            good = (blocks * code.payload_bits).clamp_max(code.information_bits)
            found.append((rows, (decoded.llrs > 0).byte(), good))
        widest = max((bits.shape[1] for _, bits, _ in found), default=0)
        bits = torch.zeros(len(length), widest, dtype=torch.uint8, device=length.device)
        good = torch.zeros_like(length)
        for rows, decided, right in found:
            bits[rows, : decided.shape[1]], good[rows] = decided, right
        return TransportBits(bits, good)


class CapacityAchievingTransport(Block):
    """What a code that reaches capacity would give: all bits where the channel carries them, none where it does not.

    Shapes: bits [batch, n], as they were sent; budget [batch], how many of them count; received [batch, uses], the
    payload, of which gain and noise variance count; out as of `TransportDecoder`. Frames whose control was `erased`
    give nothing. No gradient.
    Source: Shannon 1948, log2(1 + |h|^2 / N0) bits per use, summed over the frame.

    >>> from linksim.blocks import AWGN
    >>> sent = Symbols(torch.zeros(1, 10) + 0j, torch.tensor([10]))
    >>> received = AWGN().seed(1)(symbols=sent, snr_db=torch.tensor([0.0]))
    >>> bits, erased = torch.ones(1, 10, dtype=torch.uint8), torch.tensor([False])
    >>> [CapacityAchievingTransport()(bits=bits, budget=torch.tensor([b]), received=received, erased=erased).good.item()
    ...  for b in (10, 11)]
    [10, 0]
    """

    labels = MappingProxyType({"channel code": "ideal"})

    def forward(self, bits: Bits, budget: Uses, received: Received, erased: Flags) -> TransportBits:
        snr = received.gain.abs().square().double() / received.noise_variance.double()
        carried = (torch.log2(1 + snr) * received.symbols.mask).sum(1)
        # The budget was rounded down from the same sum: what is left is rounding.
        through = (carried * (1 + 1e-6) >= budget) & ~erased
        return TransportBits(bits, torch.where(through, budget, 0))


def _groups(scheme: Tensor, uses: Tensor) -> list[tuple[Scheme, int, Tensor]]:
    """Scheme, uses and frames of each kind of frame that carries anything by a code."""
    kinds = torch.stack([scheme, uses], 1)
    groups: list[tuple[Scheme, int, Tensor]] = []
    for index, count in kinds.unique(dim=0).tolist():
        if count > 0 and index != IDEAL_SCHEME and index < len(schemes()):
            rows = (kinds == torch.tensor([index, count], device=kinds.device)).all(1).nonzero()[:, 0]
            groups.append((schemes()[index], count, rows))
    return groups


def _scrambling(length: int) -> Tensor:
    """A pseudo-random sequence, uint8 [length]: without it the zeros behind a stream would all be one weak symbol.

    Source: 3GPP TS 38.211, sections 5.2.1 and 7.3.1.1, by Sionna.
    """
    return _sequence(length.bit_length())[:length]


@lru_cache(maxsize=32)
def _sequence(order: int) -> Tensor:
    """The sequence's first 2^order bits, which take a second for a million."""
    sionna_config()
    from sionna.phy.nr.utils import generate_prng_seq

    return torch.as_tensor(generate_prng_seq(1 << order, SCRAMBLING)).byte()


@lru_cache(maxsize=256)
def _code(index: int, uses: int, iterations: int) -> LDPCCode:
    scheme = schemes()[index]
    coded = uses * scheme.bits_per_symbol
    return LDPCCode(information_bits_at(coded, scheme.code_rate), coded, scheme.bits_per_symbol, iterations)


def _part(received: Received, rows: Tensor, uses: int) -> Received:
    symbols = Symbols(received.symbols.samples[rows, :uses], received.symbols.length[rows])
    return Received(
        symbols, received.gain[rows, :uses], received.noise_variance[rows, :uses], received.overhead[rows], received.csi
    )
