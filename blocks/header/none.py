"""No header at all: for training."""

from types import MappingProxyType

import torch

from linksim.block import Block
from linksim.blocks.header.ideal import IdealHeaderOutput, no_channels
from linksim.types import ChannelMask, Decibels, Lengths, Power, PowerLoading, Size, Symbols


class NoHeader(Block):
    """Stands in for the header in training: k and power pass by the channel, and nothing is sent or counted for them.

    Shapes: inputs and outputs as `IdealHeader`, the header of length 0. Gradients pass through `power` and
    `power_loading`. The code of a real header costs time at every step and has no gradient. A result made with it says
    `header: none`.

    >>> lengths, size = torch.full((1, 2, 2), 8), torch.tensor([[32, 32]])
    >>> NoHeader()(lengths=lengths, size=size, power=torch.tensor([1.0])).uses.tolist()
    [0]
    """

    labels = MappingProxyType({"header": "none"})

    def forward(
        self,
        lengths: Lengths,
        size: Size,
        power: Power,
        power_loading: PowerLoading | None = None,
        base_rate: Lengths | None = None,
        snr_db: Decibels | None = None,  # noqa: ARG002
        channels: ChannelMask | None = None,
    ) -> IdealHeaderOutput:
        batch, device = len(lengths), lengths.device
        nothing = torch.zeros(batch, dtype=torch.int64, device=device)
        header = Symbols(torch.zeros(batch, 0, dtype=torch.complex64, device=device), nothing)
        power_loading = torch.zeros(batch, 1, 2, device=device) if power_loading is None else power_loading
        base_rate = lengths if base_rate is None else base_rate
        channels = no_channels(lengths) if channels is None else channels
        known = (lengths, size, power, power_loading, nothing, nothing.bool(), base_rate, channels)
        return IdealHeaderOutput(header, *known)
