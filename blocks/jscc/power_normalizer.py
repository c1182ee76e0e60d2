"""Unit power per picture."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.errors import require
from linksim.types import Codeword, Lengths, Power

MIN_POWER = 2.0**-32


class Normalized(NamedTuple):
    """The scaled codeword, and the power it had, which the receiver needs."""

    codeword: Codeword
    power: Power


class PowerNormalizer(Block):
    """Scale each picture's codeword to mean power 1 over all its channel uses: sum |y_i|^2 / sum k_i = 1.

    Shapes: codeword [batch, rows, cols, kmax] complex, zero past k; lengths [batch, rows, cols]; power [batch], the
    mean power before, at least 2^-32 (a codeword of zeros stays zero). Gradients pass. `over` "batch" makes that mean
    1 over the pictures of a batch, as some published figures have it: then a picture's power depends on its neighbours.
    Source: SA-OOSC eq. 2.

    Raises:
        ParameterError: `over` is neither "picture" nor "batch".

    >>> y = torch.full((1, 1, 1, 2), 2.0 + 0j)
    >>> codeword, power = PowerNormalizer()(codeword=y, lengths=torch.tensor([[[2]]]))
    >>> codeword.abs().tolist(), power.tolist()
    ([[[[1.0, 1.0]]]], [4.0])
    """

    def __init__(self, *, over: str = "picture") -> None:
        super().__init__()
        require(over in ("picture", "batch"), "over", "picture or batch", over)
        self.over = over

    def forward(self, codeword: Codeword, lengths: Lengths) -> Normalized:
        energy, uses = torch.view_as_real(codeword).square().sum((1, 2, 3, 4)), lengths.sum((1, 2))
        if self.over == "batch":
            energy, uses = energy.sum().expand_as(energy), uses.sum().expand_as(uses)
        power = (energy / uses.clamp_min(1)).clamp_min(MIN_POWER)
        return Normalized(codeword / power.sqrt()[:, None, None, None], power)
