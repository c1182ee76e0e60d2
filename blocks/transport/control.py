"""What the receiver of a digital link must know before it can read the payload."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.blocks.modulation.bpsk import BPSKDemapper, BPSKMapper
from linksim.blocks.sources.picture_file import MAX_PIXELS
from linksim.blocks.transport.mcs import schemes
from linksim.errors import ParameterError
from linksim.types import Flags, Received, Size, Symbols, Uses, sent_mask

CHECK, CHECK_BITS = "CRC16", 16


@dataclass(frozen=True)
class Form:
    """How control is laid out and coded; the receiver tries both."""

    fields: Mapping[str, int]
    code: RobustCode

    @property
    def information_bits(self) -> int:
        """Bits of all fields."""
        return sum(self.fields.values())


LONG = Form({"height": 16, "width": 16, "scheme": 8}, RobustCode(40 + CHECK_BITS, code_rate=1 / 4, repetition=2))
"""For all pictures: rate 1/8."""
SHORT = Form({"height": 10, "width": 10, "scheme": 5}, RobustCode(25 + CHECK_BITS, code_rate=1 / 4))
"""For small pictures at an SNR that serves it: rate 1/4."""
FORMS = (LONG, SHORT)
CONTROL_USES = LONG.code.n
MAX_SHORT_PIXELS, MAX_SHORT_EDGE = 1 << 15, 1023
MIN_SHORT_SNR_DB = 1.0
"""Of the scheme: where the payload needs so much, the short form is safe."""


def control_form(height: int, width: int, scheme: int) -> Form:
    """The form for a picture of this size in pixels and a scheme by its number."""
    small = height * width <= MAX_SHORT_PIXELS and max(height, width) <= MAX_SHORT_EDGE
    known = schemes()[scheme : scheme + 1]
    return SHORT if small and known and known[0].snr_db >= MIN_SHORT_SNR_DB else LONG


def control_uses(height: int, width: int, scheme: int) -> int:
    """Channel uses of control, one per coded bit."""
    return control_form(height, width, scheme).code.n


class Control(NamedTuple):
    """Scheme and picture size; an erased frame has scheme 0 and the size of its batch."""

    scheme: Uses
    size: Size
    uses: Uses
    erased: Flags


class ControlEncoder(Block):
    """The scheme and the picture's size, as BPSK symbols of unit power: CRC-16, 5G LDPC at rate 1/4, sent twice, or for
    pictures of up to 2^15 pixels once, where the scheme needs 1 dB or more.

    Shapes: scheme [batch], 0 to 255; size [batch, 2] in pixels; out.samples [batch, 448], or [batch, 164] where all are
    short. Hard bits: no gradient.
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
        rows = [_coded(scheme[i].cpu(), size[i].cpu()) for i in range(len(size))]
        length = torch.tensor([len(row) for row in rows])
        bits = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(size.device)
        symbols = self.mapper(bits=bits)
        if bool((length == bits.shape[1]).all()):
            return symbols
        length = length.to(size.device)
        return Symbols(symbols.samples * sent_mask(length, bits.shape[1]), length)


def _coded(scheme: Tensor, size: Tensor) -> Tensor:
    """The coded bits of one frame."""
    form = control_form(int(size[0]), int(size[1]), int(scheme))
    columns: list[Tensor] = []
    for value, (name, width) in zip((size[0], size[1], scheme), form.fields.items(), strict=True):
        if not 0 <= int(value) < 1 << width:
            raise ParameterError(f"'{name}' must fit {width} bits (got {int(value)})")
        columns.append(to_bits(value[None], width))
    bits = torch.cat(columns, 1)
    return form.code.encode(torch.cat([bits, crc_bits(bits, CHECK)], 1))[0]


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
        llrs = torch.nn.functional.pad(llrs, (0, CONTROL_USES - llrs.shape[1]))
        good = torch.zeros(len(llrs), dtype=torch.bool)
        scheme, spent = torch.zeros_like(length), torch.zeros_like(length)
        size = torch.zeros(len(llrs), 2, dtype=torch.int64)
        for form in FORMS:
            found, right = _decode(form, llrs, length)
            new = right & ~good
            size[new], scheme[new], spent[new] = found[new, :2], found[new, 2], form.code.n
            good |= new
        # Pictures of a batch have one size: a frame that says another was read wrongly.
        sizes, count = size[good].unique(dim=0, return_counts=True)
        common = sizes[count.argmax()] if len(sizes) else torch.tensor([16, 16])
        good &= (size == common).all(1)
        uses = torch.where(good, spent, length)
        scheme = torch.where(good, scheme, 0)
        device = received.symbols.length.device
        parts = (scheme, common.expand(len(good), 2).clone(), uses, ~good)
        return Control(*[part.to(device) for part in parts])


def _decode(form: Form, llrs: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Height, width and scheme, int64 [batch, 3], of frames that begin with control of this form, and which do."""
    height, width = form.fields["height"], form.fields["width"]

    def holds(decided: Tensor, _frames: Tensor) -> Tensor:
        bits, check = decided[:, : form.information_bits], decided[:, form.information_bits :]
        # The all-zero word passes any linear CRC; no picture has size zero.
        sized = (bits[:, :height] != 0).any(1) & (bits[:, height : height + width] != 0).any(1)
        return (crc_bits(bits, CHECK) == check).all(1) & sized

    decided, good = form.code.decode(llrs[:, : form.code.n], holds)
    fields = decided[:, : form.information_bits].split(list(form.fields.values()), 1)
    found = torch.stack([from_bits(field) for field in fields], 1)
    # What passed the check by chance must not ask for more memory than any picture that can be read, nor be of a form
    # that its transmitter would not have taken.
    sensible = torch.tensor([h * w <= MAX_PIXELS and control_form(h, w, s) is form for h, w, s in found.tolist()])
    return found, good & (length >= form.code.n) & sensible
