"""Random SNRs, more of them low."""

import torch

from linksim.block import Block
from linksim.errors import require
from linksim.types import Decibels


class TriangularDecibels(Block):
    """A value in dB for each frame, whose density falls linearly from `least` to nothing at `most`.

    Three of four values lie in the lower half. It is for codecs that make no errors at high SNRs soon: there nothing is
    left to learn, and batches of `UniformDecibels` are half empty.

    Shapes: out [batch] in dB.
    Source: linksim; the triangular distribution, drawn by the inverse of its distribution function.

    Raises:
        ParameterError: the two are not rising numbers in -20..60 dB.

    >>> TriangularDecibels(least=5.0, most=5.0).seed(1)(batch=2).tolist()
    [5.0, 5.0]
    """

    def __init__(self, *, least: float = 0.0, most: float = 20.0) -> None:
        super().__init__()
        require(-20 <= least <= most <= 60, "least, most", "two rising numbers in -20..60 dB", (least, most))
        self.least, self.most = least, most

    def forward(self, batch: int) -> Decibels:
        uniform = torch.rand(batch, generator=self.rng, device=self.device)
        return self.least + (self.most - self.least) * (1 - (1 - uniform).sqrt())
