"""A header that is never lost, at the price of a real one."""

from types import MappingProxyType
from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.header.encoder import HeaderEncoder
from linksim.blocks.rate_set import RateSet
from linksim.types import Decibels, Flags, Lengths, Loading, Power, Size, Symbols, Uses


class IdealHeaderOutput(NamedTuple):
    """The header's symbols, and all that HeaderDecoder would give."""

    header: Symbols
    lengths: Lengths
    size: Size
    power: Power
    loading: Loading
    uses: Uses
    erased: Flags
    content: Lengths


class IdealHeader(Block):
    """Stands in for HeaderEncoder and HeaderDecoder: k and power pass by the channel, and the bill is the same.

    Shapes: inputs as HeaderEncoder, outputs `header` as its `out`, the others as HeaderDecoder; nothing is erased.
    Gradients pass through `power` and `loading`. A result made with it must say `header: ideal`.

    Raises:
        ParameterError: as HeaderEncoder.

    >>> lengths, size = torch.full((1, 2, 2), 8), torch.tensor([[32, 32]])
    >>> out = IdealHeader()(lengths=lengths, size=size, power=torch.tensor([1.0]))
    >>> out.uses.tolist(), out.erased.tolist()
    ([376], [False])
    """

    labels = MappingProxyType({"header": "ideal"})

    def __init__(self, *, code_rate: CodeRate = "auto", rate_set: RateSet = "default", fading: bool = True) -> None:
        super().__init__()
        self.encoder = HeaderEncoder(code_rate=code_rate, rate_set=rate_set, fading=fading)

    def forward(
        self,
        lengths: Lengths,
        size: Size,
        power: Power,
        loading: Loading | None = None,
        content: Lengths | None = None,
        snr_db: Decibels | None = None,
    ) -> IdealHeaderOutput:
        fields = {"loading": loading, "content": content, "snr_db": snr_db}
        header = self.encoder(lengths=lengths, size=size, power=power, **fields)
        if loading is None:
            loading = torch.zeros(len(lengths), len(self.encoder.values), 2, device=lengths.device)
        erased = torch.zeros(len(lengths), dtype=torch.bool, device=lengths.device)
        content = lengths if content is None else content
        return IdealHeaderOutput(header, lengths, size, power, loading, header.length, erased, content)
