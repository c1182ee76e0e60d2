"""Random SNRs."""

import torch

from linksim.block import Block
from linksim.errors import require
from linksim.types import Decibels


class UniformDecibels(Block):
    """A value in dB for each frame, uniform from `least` to `most`: the SNRs that a codec is trained for.

    Shapes: out [batch] in dB.
    Source: linksim.

    Raises:
        ParameterError: the two are not rising numbers in -20..60 dB.

    >>> UniformDecibels(least=5.0, most=5.0).seed(1)(batch=2).tolist()
    [5.0, 5.0]
    """

    def __init__(self, *, least: float = 0.0, most: float = 20.0) -> None:
        super().__init__()
        require(-20 <= least <= most <= 60, "least, most", "two rising numbers in -20..60 dB", (least, most))
        self.least, self.most = least, most

    def forward(self, batch: int) -> Decibels:
        return self.least + (self.most - self.least) * torch.rand(batch, generator=self.rng, device=self.device)
