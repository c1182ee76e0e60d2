"""The burst: what a radio sends around a frame, so that a receiver that knows nothing finds it and can read it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.blocks.waveform.sequences import pilot_symbols, preamble
from linksim.errors import ParameterError, require
from linksim.types import Symbols, Uses

NUMBER_BITS, LENGTH_BITS, CHECK = 16, 24, "CRC16"
PREAMBLE, PREAMBLE_LENGTH, PILOT_SPACING, PILOT_LENGTH = "m-sequence", 255, 256, 8


@dataclass(frozen=True)
class BurstLayout:
    """Where everything stands in a burst: the preamble, then data, and `pilot_length` pilots behind every
    `pilot_spacing` data symbols and behind the last. The first data are the burst's field: the frame's number, 16
    bits, and its length, 24 bits, with CRC-16 and 5G LDPC of rate 1/4 in BPSK, 224 uses.
    """

    preamble: str = PREAMBLE
    preamble_length: int = PREAMBLE_LENGTH
    pilot_spacing: int = PILOT_SPACING
    pilot_length: int = PILOT_LENGTH

    def __post_init__(self) -> None:
        require(16 <= self.preamble_length <= 65535, "preamble_length", "in 16..65535", self.preamble_length)
        require(self.pilot_length >= 2, "pilot_length", "at least 2", self.pilot_length)
        require(self.pilot_spacing >= 2, "pilot_spacing", "at least 2", self.pilot_spacing)
        self.sequence()

    def sequence(self) -> Tensor:
        """The preamble, complex128 [preamble_length]."""
        return preamble(self.preamble, self.preamble_length)

    @property
    def field_uses(self) -> int:
        """Channel uses of the field."""
        return field_uses()

    def groups(self, data: int) -> int:
        """How many blocks of pilots stand in a burst with so many data symbols, the field's included."""
        return math.ceil(data / self.pilot_spacing)

    def uses(self, data: Tensor) -> Tensor:
        """Symbols of a burst with so many data symbols, int64 as given."""
        groups = torch.div(data + self.pilot_spacing - 1, self.pilot_spacing, rounding_mode="floor")
        return self.preamble_length + data + groups * self.pilot_length

    def overhead(self, length: Tensor) -> Tensor:
        """Symbols of a burst that are not the frame's own, for frames of so many symbols."""
        return self.uses(length + self.field_uses) - length

    def data_places(self, data: int) -> Tensor:
        """Where the data symbols stand, int64 [data]."""
        d = torch.arange(data)
        return self.preamble_length + d + torch.div(d, self.pilot_spacing, rounding_mode="floor") * self.pilot_length

    def pilot_places(self, data: Tensor, blocks: int) -> Tensor:
        """Where the first pilot of each block stands, int64 [batch, blocks]; those past a burst's own are behind it."""
        ends = torch.minimum((torch.arange(blocks) + 1) * self.pilot_spacing, data[:, None])
        return self.preamble_length + ends + torch.arange(blocks) * self.pilot_length

    def pilots(self, blocks: int) -> Tensor:
        """The pilots themselves, complex128 [blocks, pilot_length]."""
        return pilot_symbols(blocks * self.pilot_length).view(blocks, self.pilot_length)


def _code() -> RobustCode:
    return RobustCode(NUMBER_BITS + LENGTH_BITS + 16, code_rate=1 / 4)


def check_frames(batch: int, uses: int) -> None:
    """Raise `ParameterError` where so many frames of so many symbols do not fit into the fields of their bursts."""
    if batch > 1 << NUMBER_BITS or uses >= 1 << LENGTH_BITS:
        raise ParameterError(
            f"a burst carries at most 2^24 - 1 symbols, a batch at most 2^16 frames (got {uses}, {batch})"
        )


def field_uses() -> int:
    """Channel uses of a burst's field."""
    return _code().n


def encode_field(number: Tensor, length: Tensor) -> Tensor:
    """Numbers and lengths, int64 [batch], as coded bits, uint8 [batch, field uses]."""
    information = torch.cat([to_bits(number, NUMBER_BITS), to_bits(length, LENGTH_BITS)], 1)
    return _code().encode(torch.cat([information, crc_bits(information, CHECK)], 1))


def field_symbols(number: Tensor, length: Tensor, like: Tensor) -> Tensor:
    """The field in BPSK, complex [batch, field uses], in the dtype and place of `like`."""
    bits = encode_field(number.cpu(), length.cpu()).to(like.device)
    return (1 - 2 * bits.to(like.real.dtype)).to(like.dtype)


def decode_field(llrs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """LLRs, float [batch, field uses], to (number, length, whether the check holds), each [batch]."""
    width = NUMBER_BITS + LENGTH_BITS

    def holds(decided: Tensor, _frames: Tensor) -> Tensor:
        # The all-zero word passes any linear check; no frame has length zero.
        return (crc_bits(decided[:, :width], CHECK) == decided[:, width:]).all(1) & (decided[:, :width] != 0).any(1)

    decided, good = _code().decode(llrs, holds)
    number, length = from_bits(decided[:, :NUMBER_BITS]), from_bits(decided[:, NUMBER_BITS:width])
    return number, length, good & (length > 0)


class BurstBuilder(Block):
    """Put a preamble before each frame, its number and length behind that, and pilots among the rest.

    The frames of a batch are numbered from 0 unless their numbers, 0 to 65535, are given. All that is added has unit
    power.

    Args:
        preamble: "m-sequence" or "zadoff-chu".
        preamble_length: in symbols.
        pilot_spacing: data symbols between two blocks of pilots.
        pilot_length: pilots in a block.

    Shapes: symbols.samples [batch, uses]; number [batch]; out.samples [batch, uses of the longest burst]. Gradients
    pass.
    Source: linksim; the same parts as in IEEE 802.11, clause 17 (training symbols, SIGNAL, pilots).

    Raises:
        ParameterError: a parameter is out of range, a frame has over 2^24 - 1 symbols, or the batch over 2^16 frames.

    >>> burst = BurstBuilder()(symbols=Symbols(torch.ones(1, 1000) + 0j, torch.tensor([1000])))
    >>> burst.length.tolist()
    [1519]
    """

    def __init__(
        self,
        *,
        preamble: str = PREAMBLE,
        preamble_length: int = PREAMBLE_LENGTH,
        pilot_spacing: int = PILOT_SPACING,
        pilot_length: int = PILOT_LENGTH,
    ) -> None:
        super().__init__()
        self.layout = BurstLayout(preamble, preamble_length, pilot_spacing, pilot_length)

    def forward(self, symbols: Symbols, number: Uses | None = None) -> Symbols:
        layout, sent, length = self.layout, symbols.samples, symbols.length
        batch = len(sent)
        check_frames(batch, sent.shape[1])
        number = torch.arange(batch) if number is None else number
        data = torch.cat([field_symbols(number, length, sent), sent * symbols.mask], 1)
        blocks, count = layout.groups(data.shape[1]), length + layout.field_uses
        known = layout.sequence().to(sent)
        burst = sent.new_zeros(batch, int(layout.uses(torch.tensor(data.shape[1]))))
        burst[:, : len(known)] = known
        burst = burst.index_copy(1, layout.data_places(data.shape[1]).to(sent.device), data)
        ends = layout.uses(count)
        places = layout.pilot_places(count.cpu(), blocks)[..., None] + torch.arange(layout.pilot_length)
        pilots = layout.pilots(blocks).to(sent).flatten().expand(batch, -1)
        # A block behind the burst's end belongs to a longer frame of the batch.
        places = places.to(sent.device).flatten(1)
        there = places < ends[:, None]
        burst = _placed(burst, places, pilots, there)
        whole = Symbols(burst, ends)
        return Symbols(burst * whole.mask, ends)


def _placed(burst: Tensor, places: Tensor, values: Tensor, there: Tensor) -> Tensor:
    """Write values [batch, n] at their places where `there`."""
    room = torch.nn.functional.pad(burst, (0, 1))
    return room.scatter(1, torch.where(there, places, burst.shape[1]), values)[:, :-1]
