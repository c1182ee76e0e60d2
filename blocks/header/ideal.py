"""A header that is never lost, at the price of a real one."""

from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.header.encoder import HeaderEncoder
from linksim.blocks.rate_set import RateSet
from linksim.types import ChannelMask, Decibels, Flags, Lengths, Power, PowerLoading, Size, Symbols, Uses


class IdealHeaderOutput(NamedTuple):
    """The header's symbols, and all that HeaderDecoder would give."""

    header: Symbols
    lengths: Lengths
    size: Size
    power: Power
    power_loading: PowerLoading
    uses: Uses
    erased: Flags
    base_rate: Lengths
    channels: ChannelMask


def no_channels(lengths: Tensor) -> Tensor:
    """The mask where the transmitter chooses no channels, [batch, 0]."""
    return torch.zeros(len(lengths), 0, dtype=torch.bool, device=lengths.device)


class IdealHeader(Block):
    """Stands in for HeaderEncoder and HeaderDecoder: k and power pass by the channel, but its channel uses are counted.

    Shapes: inputs as HeaderEncoder, outputs `header` as its `out`, the others as HeaderDecoder; nothing is erased.
    Gradients pass through `power` and `power_loading`. A result made with it must say `header: ideal`.

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
        power_loading: PowerLoading | None = None,
        base_rate: Lengths | None = None,
        snr_db: Decibels | None = None,
        channels: ChannelMask | None = None,
    ) -> IdealHeaderOutput:
        fields = {"power_loading": power_loading, "base_rate": base_rate, "snr_db": snr_db, "channels": channels}
        header = self.encoder(lengths=lengths, size=size, power=power, **fields)
        if power_loading is None:
            power_loading = torch.zeros(len(lengths), len(self.encoder.values), 2, device=lengths.device)
        erased = torch.zeros(len(lengths), dtype=torch.bool, device=lengths.device)
        base_rate = lengths if base_rate is None else base_rate
        channels = no_channels(lengths) if channels is None else channels
        known = (lengths, size, power, power_loading, header.length, erased, base_rate, channels)
        return IdealHeaderOutput(header, *known)
