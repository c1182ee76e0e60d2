"""What the receiver of a digital link must know before it can read the payload."""

from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.blocks.modulation.bpsk import BPSKDemapper, BPSKMapper
from linksim.blocks.sources.picture_file import MOST_PIXELS
from linksim.errors import ParameterError
from linksim.types import Flags, Received, Size, Symbols, Uses

FIELDS = {"height": 16, "width": 16, "scheme": 8}
INFORMATION_BITS = sum(FIELDS.values())
CHECK = "CRC16"
CODE = RobustCode(INFORMATION_BITS + 16, code_rate=1 / 4, repetition=2)
CONTROL_USES = CODE.n


class Control(NamedTuple):
    """Scheme and picture size; an erased frame has scheme 0 and the size of its batch."""

    scheme: Uses
    size: Size
    uses: Uses
    erased: Flags


class ControlEncoder(Block):
    """The scheme and the picture's size, as BPSK symbols of unit power: CRC-16, 5G LDPC at rate 1/4, sent twice.

    Shapes: scheme [batch], 0 to 255; size [batch, 2] in pixels; out.samples [batch, 448]. Hard bits: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC; the fields are linksim's.

    Raises:
        ParameterError: a field does not fit its bits.

    >>> ControlEncoder()(scheme=torch.tensor([7]), size=torch.tensor([[512, 768]])).length.tolist()
    [448]
    """

    def __init__(self) -> None:
        super().__init__()
        self.mapper = BPSKMapper()

    def forward(self, scheme: Uses, size: Size) -> Symbols:
        columns: list[Tensor] = []
        fields = (size[:, 0], size[:, 1], scheme)
        for value, (name, width) in zip(fields, FIELDS.items(), strict=True):
            if bool((value < 0).any()) or bool((value >= 1 << width).any()):
                raise ParameterError(f"'{name}' must fit {width} bits (got {value.max().item()})")
            columns.append(to_bits(value.cpu(), width))
        bits = torch.cat(columns, 1)
        coded = CODE.encode(torch.cat([bits, crc_bits(bits, CHECK)], 1))
        return self.mapper(bits=coded.to(size.device))


class ControlDecoder(Block):
    """The inverse of `ControlEncoder`, from the front of a received frame.

    Shapes: received [batch, uses]; scheme [batch]; size [batch, 2], one for a batch, 16x16 where all is lost; uses
    [batch], the control's own, the whole frame where erased; erased [batch] bool. Hard decisions: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC.

    >>> from linksim.blocks import AWGN
    >>> symbols = ControlEncoder()(scheme=torch.tensor([7]), size=torch.tensor([[512, 768]]))
    >>> control = ControlDecoder()(received=AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([0.0])))
    >>> control.scheme.tolist(), control.size.tolist(), control.erased.tolist()
    ([7], [[512, 768]], [False])
    """

    labels = MappingProxyType({"header": "robust"})

    def __init__(self) -> None:
        super().__init__()
        self.demapper = BPSKDemapper()

    def forward(self, received: Received) -> Control:
        llrs = self.demapper(received=received).detach().float().cpu()[:, :CONTROL_USES]
        length = received.symbols.length.cpu()
        if llrs.shape[1] < CONTROL_USES:
            llrs = torch.nn.functional.pad(llrs, (0, CONTROL_USES - llrs.shape[1]))
        decided, good = CODE.decode(llrs, _holds)
        height, width, scheme = (from_bits(f) for f in decided[:, :INFORMATION_BITS].split(list(FIELDS.values()), 1))
        # What passed the check by chance must not ask for more memory than any picture that can be read.
        good &= (length >= CONTROL_USES) & (height * width <= MOST_PIXELS)
        size = torch.stack([height, width], 1)
        # Pictures of a batch have one size: a frame that says another was read wrongly.
        found, count = size[good].unique(dim=0, return_counts=True)
        common = found[count.argmax()] if len(found) else torch.tensor([16, 16])
        good &= (size == common).all(1)
        uses = torch.where(good, CONTROL_USES, length)
        scheme = torch.where(good, scheme, 0)
        device = received.symbols.length.device
        parts = (scheme, common.expand(len(good), 2).clone(), uses, ~good)
        return Control(*[part.to(device) for part in parts])


def _holds(decided: Tensor, _frames: Tensor) -> Tensor:
    bits, check = decided[:, :INFORMATION_BITS], decided[:, INFORMATION_BITS:]
    # The all-zero word passes any linear CRC; no picture has size zero.
    sized = (bits[:, :16] != 0).any(1) & (bits[:, 16:32] != 0).any(1)
    return (crc_bits(bits, CHECK) == check).all(1) & sized
