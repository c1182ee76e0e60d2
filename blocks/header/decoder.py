"""The header's receiver."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.body import BITS_PER_USE, body_code, body_uses, decode_body, unpack_body
from linksim.blocks.header.code_rate import CODE_RATES, CodeRate, checked_code_rate
from linksim.blocks.header.preamble import FORMS, Form, Preamble, decode_preamble, power_value
from linksim.blocks.modulation.bpsk import BPSKDemapper
from linksim.blocks.modulation.qpsk import QPSKDemapper
from linksim.blocks.rate_set import RateSet, rate_set_id, rate_values
from linksim.errors import require
from linksim.types import PATCH, ChannelMask, Flags, Lengths, Power, PowerLoading, Received, Size, Uses, patches_of


class Header(NamedTuple):
    """What the receiver knows after the header; an erased frame has lengths 0 and power 1."""

    lengths: Lengths
    size: Size
    power: Power
    power_loading: PowerLoading
    uses: Uses
    erased: Flags
    base_rate: Lengths
    channels: ChannelMask


class _Soft(NamedTuple):
    """LLRs of every channel use, taken for BPSK, [batch, uses], and for QPSK, [batch, uses, 2]."""

    bpsk: Tensor
    qpsk: Tensor

    @property
    def uses(self) -> int:
        return self.bpsk.shape[1]

    def of(self, frames: Tensor) -> "_Soft":
        return _Soft(self.bpsk[frames], self.qpsk[frames])


@dataclass(frozen=True)
class _Frame:
    """One frame whose header was decoded and verified."""

    levels: Tensor
    base_rate: Tensor
    size: tuple[int, int]
    power: float
    power_loading: Tensor
    uses: int
    channels: Tensor


class HeaderDecoder(Block):
    """Finds and decodes the header at the front of a received frame.

    With `code_rate` "auto" the second part is tried at each rate that the encoder may choose; its check covers the
    coded length too. A frame is erased unless both checks hold, V is the agreed one, and the size is that of its batch:
    a map that failed its check is never used. Pictures of a batch have one size; where every frame is lost it is one
    patch.

    Shapes: received [batch, uses]; lengths and base_rate [batch, rows, cols], alike where no base rate was sent; size
    [batch, 2]; power [batch]; power_loading [batch, levels, 2] in dB, 0 where none was sent; uses [batch], the header's
    own, the whole frame where erased; erased [batch] bool; channels [batch, channels], the mask of as
    many channels as both ends agreed on, all false where erased. Hard decisions: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC.

    Raises:
        ParameterError: `code_rate` is neither "auto" nor in 0.1..0.9, the set is unknown, or `channels` is negative.

    >>> from linksim.blocks import AWGN, HeaderEncoder
    >>> lengths, size = torch.full((1, 2, 2), 8), torch.tensor([[32, 32]])
    >>> symbols = HeaderEncoder()(lengths=lengths, size=size, power=torch.tensor([1.0]))
    >>> header = HeaderDecoder()(received=AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([3.0])))
    >>> header.lengths.tolist(), header.erased.tolist()
    ([[[8, 8], [8, 8]]], [False])
    """

    labels = MappingProxyType({"header": "robust"})

    def __init__(self, *, code_rate: CodeRate = "auto", rate_set: RateSet = "default", channels: int = 0) -> None:
        super().__init__()
        require(channels >= 0, "channels", "0 or more", channels)
        self.channels = channels
        code_rate = checked_code_rate(code_rate)
        self.code_rates = CODE_RATES if code_rate == "auto" else (code_rate,)
        self.values = rate_values(rate_set)
        self.front, self.rest = BPSKDemapper(), QPSKDemapper()

    def forward(self, received: Received) -> Header:
        front, rest = (demap(received=received).detach().float().cpu() for demap in (self.front, self.rest))
        frames = self._decode(_Soft(front, rest.unflatten(1, (-1, BITS_PER_USE))), received.symbols.length.cpu())
        return self._assemble(frames, received)

    def _decode(self, soft: _Soft, length: Tensor) -> list[_Frame | None]:
        frames: list[_Frame | None] = [None] * len(length)
        for form in FORMS:
            rest = torch.tensor([index for index, frame in enumerate(frames) if frame is None], dtype=torch.int64)
            if len(rest) and soft.uses >= form.uses:
                for index, frame in self._decode_form(form, soft.of(rest), length[rest]):
                    frames[int(rest[index])] = frame
        return frames

    def _decode_form(self, form: Form, soft: _Soft, length: Tensor) -> Iterator[tuple[int, _Frame]]:
        """The frames that begin with a preamble of this form, by their places."""
        information, valid = decode_preamble(soft.bpsk[:, : form.uses], form)
        preamble = Preamble.unpack(information, form)
        valid &= preamble.rate_set == rate_set_id(self.values)
        for grid, code_rate in product(map(int, preamble.grid[valid].unique()), self.code_rates):
            code = body_code(grid, code_rate)
            end = form.uses + body_uses(code)
            chosen = (valid & (preamble.grid == grid) & (length >= end)).nonzero()[:, 0]
            if len(chosen) == 0 or soft.uses < end:
                continue
            bits, good = decode_body(
                soft.qpsk[chosen, form.uses : end].flatten(1), information[chosen], code, self.channels
            )
            for row, index in enumerate(chosen.tolist()):
                if good[row]:
                    valid[index] = False
                    yield index, self._read(form, bits[row], preamble, index, end)

    def _read(self, form: Form, bits: Tensor, preamble: Preamble, index: int, uses: int) -> _Frame:
        height, width = int(preamble.height[index]), int(preamble.width[index])
        rows, cols = patches_of(height), patches_of(width)
        levels, base_rate, power_loading, channels = unpack_body(
            bits,
            rows,
            cols,
            len(self.values),
            loaded=bool(preamble.loaded[index]),
            told=bool(preamble.told[index]),
            channels=self.channels,
        )
        power = float(power_value(preamble.power[index], form))
        return _Frame(levels, base_rate, (height, width), power, power_loading, uses, channels)

    def _assemble(self, frames: list[_Frame | None], received: Received) -> Header:
        sizes = Counter(frame.size for frame in frames if frame is not None)
        height, width = sizes.most_common(1)[0][0] if sizes else (PATCH, PATCH)
        values = torch.tensor(self.values)
        batch, device = len(frames), received.symbols.length.device
        lengths = torch.zeros(batch, patches_of(height), patches_of(width), dtype=torch.int64)
        base_rate = torch.zeros_like(lengths)
        power_loading = torch.zeros(batch, len(self.values), 2)
        power = torch.ones(batch)
        uses = received.symbols.length.cpu().clone()
        erased = torch.ones(batch, dtype=torch.bool)
        channels = torch.zeros(batch, self.channels, dtype=torch.bool)
        for i, frame in enumerate(frames):
            if frame is not None and frame.size == (height, width):
                lengths[i], base_rate[i], power_loading[i] = (
                    values[frame.levels],
                    values[frame.base_rate],
                    frame.power_loading,
                )
                power[i], uses[i], erased[i], channels[i] = frame.power, frame.uses, False, frame.channels
        size = torch.tensor([[height, width]]).expand(batch, 2)
        parts = (lengths, size, power, power_loading, uses, erased, base_rate, channels)
        return Header(*[part.to(device) for part in parts])
