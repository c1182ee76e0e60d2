"""SA-OOSC's importance-weighted quality."""

import torch

from linksim.block import Block
from linksim.blocks.metrics.patch_psnr import patch_psnr
from linksim.precision import full_precision
from linksim.types import Image, Importance, Score


def importance_weights(importance: Importance) -> torch.Tensor:
    """w_i = 2^I_i / sum_j 2^I_j over the patches of each picture, float [batch, rows, cols] (SA-OOSC, appendix 8)."""
    weight = torch.exp2(importance.to(torch.get_default_dtype()))
    return weight / weight.sum((1, 2), keepdim=True)


class SAD(Block):
    """The sum over patches of w_i * PSNR_i in dB, as the paper prints it: higher is better.

    Shapes: image, original [batch, 3, height, width]; importance [batch, rows, cols]; out.value [batch]. Not a loss:
    the paper adds it to one that is minimised, which is a slip of the sign. Rounding stops gradients.
    Source: SA-OOSC, appendix 8 and eq. 13.

    >>> original = torch.zeros(1, 3, 16, 32)
    >>> round(SAD()(image=original + 0.1, original=original, importance=torch.tensor([[[0, 3]]])).value.item(), 1)
    19.8
    """

    @full_precision
    def forward(self, image: Image, original: Image, importance: Importance) -> Score:
        return Score((importance_weights(importance) * patch_psnr(image, original)).sum((1, 2)))
