"""Structural similarity at one scale."""

import torch

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.precision import full_precision
from linksim.types import Image, Score

WINDOW = 11
"""Edge of the Gaussian window in pixels."""


class SSIM(Block):
    """SSIM per picture, -1 to 1, after clamping and rounding to 8 bits, mean over the colours; by pytorch-msssim.

    Shapes: image, original [batch, 3, height, width]; out.value [batch], NaN where a side has under 11 pixels. Rounding
    stops gradients.
    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 2004; a Gaussian window of 11 pixels.

    >>> original = torch.rand(1, 3, 32, 48)
    >>> SSIM()(image=original, original=original).value.tolist()
    [1.0]
    """

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        # Here, not at the top: only who measures with it waits for it.
        from pytorch_msssim import ssim

        if min(image.shape[2:]) < WINDOW:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        shown = eight_bits(image.float()), eight_bits(original.float())
        return Score(ssim(*shown, data_range=1.0, size_average=False))
