"""Channel uses as a ratio to a picture's size."""

from typing import NamedTuple

from linksim.block import Block
from linksim.types import Image, Score


class Ratios(NamedTuple):
    """Channel bandwidth ratio of the payload alone, and of everything that was sent."""

    cbr: Score
    cbr_total: Score


class BandwidthRatio(Block):
    """Complex channel uses per real number of the picture, uses / (3 * height * width), where a message stands for it.

    Shapes: image [batch, 3, height, width], only its size counts; uses.value and uses_total.value [batch], as
    `UseLedger` gives them; out.cbr and out.cbr_total [batch]. No gradient.
    Source: linksim; the ratio as in Bourtsoulatze et al., IEEE Trans. Cogn. Commun. Netw. 2019.

    >>> import torch
    >>> uses = Score(torch.tensor([96.0]))
    >>> BandwidthRatio()(image=torch.zeros(1, 3, 64, 64), uses=uses, uses_total=uses).cbr.value.item()
    0.0078125
    """

    shapes_only = frozenset({"image"})

    def forward(self, image: Image, uses: Score, uses_total: Score) -> Ratios:
        numbers = image[0].numel()
        return Ratios(Score(uses.value / numbers), Score(uses_total.value / numbers))
