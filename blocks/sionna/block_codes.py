"""5G channel codes for any number of bits: cut into code blocks, each with a CRC, coded and matched in rate."""

import math
import warnings
from abc import ABC, abstractmethod
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import torch
from torch import Tensor

from linksim.blocks.sionna.runtime import Precision, drawing_from, sionna_device
from linksim.errors import DimensionError, require
from linksim.randomness import made_per_thread

STEP = 4
"""Iterations of belief propagation between two looks at the checks."""
LDPC_LONGEST, LDPC_LONGEST_LOW_RATE, LOW_RATE = 8448, 3824, 1 / 3
"""Base graph 1 ends at rate 1/3: below, code blocks are cut so short that they take base graph 2, down to 1/5."""
POLAR_LONGEST, POLAR_MOST_CODED, POLAR_LEAST = 1013, 1088, 12
POLAR_SHORT, POLAR_SHORT_CHECK, POLAR_CHECK = 19, 6, 11
"""5G checks up to 19 bits by CRC-6, more by CRC-11."""
LDPC_MOST_RATE, LDPC_MOST_SPREAD = 0.95, 5
LDPC_LEAST = 12
CHECK_BITS = 24


class Decoded(NamedTuple):
    """Information bits as LLRs, float [batch, k], and which code blocks pass their check, bool [batch, blocks]."""

    llrs: Tensor
    passed: Tensor


class BlockCode(ABC):
    """What both codes share: the cutting of `information_bits` into `blocks`, and of `coded_bits` among them.

    Blocks carry equally many bits, the last one filled up with zeros; their coded lengths differ by at most
    `bits_per_symbol`. Sources: 3GPP TS 38.212, sections 5.1 to 5.4.
    """

    def __init__(self, information_bits: int, coded_bits: int, blocks: int, bits_per_symbol: int) -> None:
        require(information_bits > 0, "information_bits", "at least 1", information_bits)
        require(
            coded_bits % bits_per_symbol == 0,
            "coded_bits",
            f"a multiple of {bits_per_symbol} bits a symbol",
            coded_bits,
        )
        self.information_bits, self.coded_bits, self.blocks = information_bits, coded_bits, blocks
        symbols = coded_bits // bits_per_symbol
        shares = [symbols // blocks + (i >= blocks - symbols % blocks) for i in range(blocks)]
        self.coded_lengths = [share * bits_per_symbol for share in shares]

    @property
    @abstractmethod
    def payload_bits(self) -> int:
        """Information bits of one block."""

    @abstractmethod
    def _encode(self, payload: Tensor, coded: int) -> Tensor:
        """Blocks of one coded length, float [some, payload_bits] to [some, coded]."""

    @abstractmethod
    def _decode(self, llrs: Tensor, coded: int) -> Decoded:
        """The inverse: LLRs [some, coded] to [some, payload_bits], and which pass [some]."""

    def encode(self, bits: Tensor) -> Tensor:
        """uint8 [batch, information_bits] to uint8 [batch, coded_bits]."""
        _check_width("bits", bits, self.information_bits)
        payload = self._cut(bits)
        parts: list[Tensor] = []
        for coded, chosen in self._groups():
            some = payload[:, chosen]
            parts.append(self._encode(some.flatten(0, 1), coded).reshape(len(bits), -1))
        return torch.cat(parts, 1).byte()

    def decode(self, llrs: Tensor) -> Decoded:
        """LLRs ln P(1)/P(0), float [batch, coded_bits], to information bits and checks."""
        _check_width("llrs", llrs, self.coded_bits)
        found: list[Decoded] = []
        place = 0
        for coded, chosen in self._groups():
            count = chosen.stop - chosen.start
            some = llrs[:, place : place + count * coded].reshape(-1, coded)
            place += count * coded
            part = self._decode(some, coded)
            found.append(Decoded(part.llrs.reshape(len(llrs), -1), part.passed.view(len(llrs), count)))
        whole = torch.cat([part.llrs for part in found], 1)
        return Decoded(whole[:, : self.information_bits], torch.cat([part.passed for part in found], 1))

    def _cut(self, bits: Tensor) -> Tensor:
        """float [batch, blocks, payload_bits]."""
        spare = self.blocks * self.payload_bits - self.information_bits
        return torch.nn.functional.pad(bits.float(), (0, spare)).view(len(bits), self.blocks, -1)

    def _groups(self) -> list[tuple[int, slice]]:
        """Coded length and blocks of the shorter ones, then of the longer ones."""
        groups: list[tuple[int, slice]] = []
        for coded in dict.fromkeys(self.coded_lengths):
            first = self.coded_lengths.index(coded)
            groups.append((coded, slice(first, first + self.coded_lengths.count(coded))))
        return groups


class LDPCCode(BlockCode):
    """5G LDPC with CRC24, belief propagation until the check holds.

    One block carries CRC24A; several carry CRC24B each, and the bits before the cutting CRC24A. Two things differ from
    5G: it checks short transport blocks by CRC16, and codes long ones at rates from 1/4 to 1/3 by repetition.
    Source: 3GPP TS 38.212, sections 5.1, 5.2.2, 5.3.2 and 5.4.2, by Sionna's LDPC5GEncoder and LDPC5GDecoder.
    """

    def __init__(self, information_bits: int, coded_bits: int, bits_per_symbol: int, iterations: int) -> None:
        blocks = _block_count(information_bits, coded_bits)
        super().__init__(information_bits, coded_bits, blocks, bits_per_symbol)
        # With several blocks each has a check of its own besides.
        self._block_bits = max(
            math.ceil((information_bits + CHECK_BITS) / blocks) + (CHECK_BITS if blocks > 1 else 0), LDPC_LEAST
        )
        self._bits_per_symbol, self._iterations = bits_per_symbol, iterations
        for coded in self.coded_lengths:
            true = self._block_bits / max(coded, 1)
            require(
                true <= LDPC_MOST_RATE,
                "coded_bits",
                f"such that the rate with checks is at most {LDPC_MOST_RATE}",
                f"{coded_bits}, rate {true:.3f}",
            )

    @property
    def payload_bits(self) -> int:
        return self._block_bits - (CHECK_BITS if self.blocks > 1 else 0)

    @property
    def _check(self) -> str:
        return "CRC24B" if self.blocks > 1 else "CRC24A"

    def _cut(self, bits: Tensor) -> Tensor:
        with_check = _crc("CRC24A", *_where(bits)).encode(bits.float())
        spare = self.blocks * self.payload_bits - with_check.shape[1]
        return torch.nn.functional.pad(with_check, (0, spare)).view(len(bits), self.blocks, -1)

    def _encode(self, payload: Tensor, coded: int) -> Tensor:
        where = _where(payload)
        whole = _crc(self._check, *where).encode(payload) if self.blocks > 1 else payload
        mother = self._mother(coded)
        once = _ldpc(self._block_bits, mother, self._bits_per_symbol, *where).encoder(whole)
        return once.repeat(1, math.ceil(coded / mother))[:, :coded]

    def _mother(self, coded: int) -> int:
        """Bits before repetition, which 5G's circular buffer does where the rate is under that of the base graph."""
        order = self._bits_per_symbol
        return min(coded, LDPC_MOST_SPREAD * self._block_bits // order * order)

    def _decode(self, llrs: Tensor, coded: int) -> Decoded:
        where = _where(llrs)
        mother = self._mother(coded)
        # Half precision is too coarse for belief propagation, and Sionna's objects have none.
        llrs = llrs if llrs.dtype == torch.float64 else llrs.float()
        llrs = torch.nn.functional.pad(llrs, (0, -coded % mother)).view(len(llrs), -1, mother).sum(1)
        decoder = _ldpc(self._block_bits, mother, self._bits_per_symbol, *where).decoder
        crc = _crc(self._check, *where)
        bits = llrs.new_zeros(len(llrs), self._block_bits)
        passed = torch.zeros(len(llrs), dtype=torch.bool, device=llrs.device)
        rest, state = torch.arange(len(llrs), device=llrs.device), None
        for done in range(0, self._iterations, STEP):
            # Belief propagation goes on where it stopped, for the blocks whose check does not hold yet.
            count = min(STEP, self._iterations - done)
            soft, state = decoder(llrs[rest], num_iter=count, msg_v2c=state)
            good = self._holds(crc, soft)
            bits[rest], passed[rest] = soft, good
            rest, state = rest[~good], state[~good]
            if len(rest) == 0:
                break
        return Decoded(bits[:, : self.payload_bits], passed)

    def _holds(self, crc: "_Check", soft: Tensor) -> Tensor:
        hard = (soft > 0).to(soft.dtype)
        # A lone block may be filled up behind its check.
        return crc.holds(hard if self.blocks > 1 else hard[:, : self.information_bits + CHECK_BITS])


def information_bits_at(coded_bits: int, code_rate: float) -> int:
    """The most information bits for which an `LDPCCode`, checks included, is at most of that rate; 0 for none."""
    carried = int(coded_bits * code_rate)
    most = carried - CHECK_BITS
    # More blocks have more checks, and what is left for information may need fewer blocks again.
    while most > 0 and most + CHECK_BITS * _checks(_block_count(most, coded_bits)) > carried:
        most = carried - CHECK_BITS * _checks(_block_count(most, coded_bits))
    return max(most, 0)


def _checks(blocks: int) -> int:
    """One for all, and one for each where there are several."""
    return 1 if blocks == 1 else blocks + 1


def _block_count(information_bits: int, coded_bits: int) -> int:
    checked = information_bits + CHECK_BITS
    longest = LDPC_LONGEST_LOW_RATE if checked / max(coded_bits, 1) <= LOW_RATE else LDPC_LONGEST
    return 1 if checked <= longest else math.ceil(checked / (longest - CHECK_BITS))


class PolarCode(BlockCode):
    """5G polar code as in the uplink: CRC-11 in each block, CRC-6 in one of up to 19 bits, there without the three
    parity-check bits of 5G; successive cancellation list decoding.

    Source: 3GPP TS 38.212, sections 5.3.1 and 5.4.1, by Sionna's Polar5GEncoder and Polar5GDecoder.
    """

    def __init__(self, information_bits: int, coded_bits: int, bits_per_symbol: int, list_size: int) -> None:
        blocks = max(math.ceil(information_bits / POLAR_LONGEST), math.ceil(coded_bits / POLAR_MOST_CODED), 1)
        super().__init__(information_bits, coded_bits, blocks, bits_per_symbol)
        self._payload = max(math.ceil(information_bits / blocks), POLAR_LEAST)
        self._list_size = list_size
        least, most = min(self.coded_lengths), max(self.coded_lengths)
        check = POLAR_SHORT_CHECK if self._payload <= POLAR_SHORT else POLAR_CHECK
        require(
            self._payload + check <= least and most <= POLAR_MOST_CODED,
            "coded_bits",
            f"such that {self._payload} bits and {check} of a check fit each block's {least} coded bits",
            coded_bits,
        )

    @property
    def payload_bits(self) -> int:
        return self._payload

    def _encode(self, payload: Tensor, coded: int) -> Tensor:
        return _polar(self._payload, coded, self._list_size, *_where(payload)).encoder(payload)

    def _decode(self, llrs: Tensor, coded: int) -> Decoded:
        bits, passed = _polar(self._payload, coded, self._list_size, *_where(llrs)).decoder(llrs)
        return Decoded(2 * bits - 1, passed)


class _Pair(NamedTuple):
    """Sionna's two objects of one code."""

    encoder: Any
    decoder: Any


class _Check(NamedTuple):
    """Sionna's two objects of one CRC."""

    encode: Any
    decode: Any

    def holds(self, bits: Tensor) -> Tensor:
        """Whether the check at the end of each row is right, bool [rows]."""
        return self.decode(bits)[1].reshape(-1)


def _where(like: Tensor) -> tuple[str, Precision]:
    return sionna_device(like.device), "double" if like.dtype == torch.float64 else "single"


@made_per_thread(64)
def _ldpc(k: int, n: int, bits_per_symbol: int, device: str, precision: Precision) -> _Pair:
    with drawing_from(torch.Generator(device)):
        from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

        where: dict[str, Any] = {"device": device, "precision": precision}
        order = bits_per_symbol if bits_per_symbol > 1 else None
        with warnings.catch_warnings():
            # Checks included, 5G's highest rates lie a little over the 948/1024 that Sionna warns of, under its 0.95.
            warnings.simplefilter("ignore")
            encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=order, **where)
        # "boxplus" is the exact rule of the check nodes, and the fastest here.
        return _Pair(encoder, LDPC5GDecoder(encoder, "boxplus", hard_out=False, return_state=True, **where))


@made_per_thread(64)
def _polar(k: int, n: int, list_size: int, device: str, precision: Precision) -> _Pair:
    with drawing_from(torch.Generator(device)):
        from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder

        where: dict[str, Any] = {"device": device, "precision": precision}
        # Sionna prints that it leaves out the parity-check bits of short codes; so does `PolarCode` say.
        with redirect_stdout(StringIO()):
            encoder = Polar5GEncoder(k, n, **where)
        return _Pair(encoder, Polar5GDecoder(encoder, "SCL", list_size, return_crc_status=True, **where))


@made_per_thread(8)
def _crc(name: str, device: str, precision: Precision) -> _Check:
    with drawing_from(torch.Generator(device)):
        from sionna.phy.fec.crc import CRCDecoder, CRCEncoder

        encoder = CRCEncoder(name, device=device, precision=precision)
        return _Check(encoder, CRCDecoder(encoder, device=device, precision=precision))


def _check_width(name: str, tensor: Tensor, width: int) -> None:
    if tensor.shape[1] != width:
        raise DimensionError(
            f"'{name}' must have {width} bits a frame, as the code was made for (got {tensor.shape[1]})"
        )
