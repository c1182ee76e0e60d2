"""What is asked for, as importance."""

import torch

from linksim.block import Block
from linksim.blocks.rate.masked import touched_patches
from linksim.types import Importance, Mask

HIGH = 3


class MaskImportance(Block):
    """High importance for each patch of which a mask keeps a pixel, and background for the others: an intent as labels
    for SA-OOSC and all links that use importance.

    Shapes: mask [batch, height, width]; out [batch, rows, cols], 3 or 0. No gradient.
    Source: linksim.

    >>> mask = torch.zeros(1, 20, 40, dtype=torch.bool)
    >>> mask[0, 17, 3] = True
    >>> MaskImportance()(mask=mask).tolist()
    [[[0, 0, 0], [3, 0, 0]]]
    """

    def forward(self, mask: Mask) -> Importance:
        return torch.where(touched_patches(mask), HIGH, 0)
