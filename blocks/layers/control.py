"""What the receiver must know before it can read the layers: the picture's size, each layer's scheme and length."""

from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.blocks.layers.layout import LAYERS, LayerScheme, LayerUses
from linksim.blocks.modulation.bpsk import BPSKDemapper, BPSKMapper
from linksim.blocks.sources.picture_file import MAX_PIXELS
from linksim.errors import ParameterError
from linksim.types import Flags, Received, Size, Symbols, Uses

CHECK, CHECK_BITS = "CRC16", 16
WIDTHS = (16, 16, *[5] * LAYERS, *[22] * LAYERS)
"""Bits of height, width, the schemes and the channel uses."""
CODE = RobustCode(sum(WIDTHS) + CHECK_BITS, code_rate=1 / 5)
CONTROL_USES = CODE.n


class LayerControl(NamedTuple):
    """Schemes and lengths of the layers, the picture's size, the control's own uses, and which frames are lost."""

    layer_scheme: LayerScheme
    layer_uses: LayerUses
    size: Size
    uses: Uses
    erased: Flags


class LayerControlEncoder(Block):
    """Size, schemes and lengths as BPSK symbols of unit power: CRC-16, 5G LDPC at rate 1/5.

    Shapes: layer_scheme [batch, 5] in 0..31; layer_uses [batch, 5] under 2^22; size [batch, 2] in pixels under 2^16;
    out.samples [batch, 915]. Hard bits: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC; the fields are linksim's.

    Raises:
        ParameterError: a field does not fit its bits.

    >>> layers = torch.full((1, 5), 3)
    >>> LayerControlEncoder()(layer_scheme=layers, layer_uses=layers, size=torch.tensor([[64, 64]])).length.tolist()
    [915]
    """

    def __init__(self) -> None:
        super().__init__()
        self.mapper = BPSKMapper()

    def forward(self, layer_scheme: LayerScheme, layer_uses: LayerUses, size: Size) -> Symbols:
        fields = torch.cat([size, layer_scheme, layer_uses], 1).cpu()
        for row in fields.tolist():
            for value, width in zip(row, WIDTHS, strict=True):
                if not 0 <= value < 1 << width:
                    raise ParameterError(f"a field of the control must fit {width} bits (got {value})")
        bits = torch.cat([to_bits(fields[:, i], width) for i, width in enumerate(WIDTHS)], 1)
        coded = CODE.encode(torch.cat([bits, crc_bits(bits, CHECK)], 1))
        return self.mapper(bits=coded.to(size.device))


class LayerControlDecoder(Block):
    """The inverse of `LayerControlEncoder`, from the front of a received frame.

    Shapes: received [batch, uses]; layer_scheme and layer_uses [batch, 5], 0 where erased; size [batch, 2], one for a
    batch, 16x16 where all is lost; uses [batch], the whole frame where erased; erased [batch] bool. No gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC.

    >>> from linksim.blocks import AWGN
    >>> scheme, none = torch.full((1, 5), 3), torch.zeros(1, 5, dtype=torch.int64)
    >>> symbols = LayerControlEncoder()(layer_scheme=scheme, layer_uses=none, size=torch.tensor([[64, 64]]))
    >>> control = LayerControlDecoder()(received=AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([0.0])))
    >>> control.layer_scheme.tolist(), control.size.tolist(), control.erased.tolist()
    ([[3, 3, 3, 3, 3]], [[64, 64]], [False])
    """

    labels = MappingProxyType({"header": "robust"})

    def __init__(self) -> None:
        super().__init__()
        self.demapper = BPSKDemapper()

    def forward(self, received: Received) -> LayerControl:
        llrs = self.demapper(received=received).detach().float().cpu()[:, :CONTROL_USES]
        length = received.symbols.length.cpu()
        llrs = torch.nn.functional.pad(llrs, (0, CONTROL_USES - llrs.shape[1]))
        bits, good = CODE.decode(llrs, _holds)
        fields = torch.stack([from_bits(field) for field in bits[:, : sum(WIDTHS)].split(list(WIDTHS), 1)], 1)
        good &= (length >= CONTROL_USES) & (fields[:, 0] * fields[:, 1] <= MAX_PIXELS)
        good &= fields[:, 2 + LAYERS :].sum(1) <= length - CONTROL_USES
        # Pictures of a batch have one size: a frame that says another was read wrongly.
        sizes, count = fields[good, :2].unique(dim=0, return_counts=True)
        common = sizes[count.argmax()] if len(sizes) else torch.tensor([16, 16])
        good &= (fields[:, :2] == common).all(1)
        told = torch.where(good[:, None], fields[:, 2:], 0)
        uses = torch.where(good, CONTROL_USES, length)
        size = common.expand(len(good), 2).clone()
        parts = (told[:, :LAYERS], told[:, LAYERS:], size, uses, ~good)
        return LayerControl(*[part.to(received.symbols.length.device) for part in parts])


def _holds(decided: Tensor, _frames: Tensor) -> Tensor:
    bits, check = decided[:, : sum(WIDTHS)], decided[:, sum(WIDTHS) :]
    # The all-zero word passes any linear CRC; no picture has size zero.
    sized = (bits[:, :16] != 0).any(1) & (bits[:, 16:32] != 0).any(1)
    return (crc_bits(bits, CHECK) == check).all(1) & sized
