"""Multi-scale structural similarity."""

import torch

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.precision import full_precision
from linksim.types import Image, Score

MIN_SIDE = 161
"""In pixels: windows of 11 on the coarsest of five scales."""


class MSSSIM(Block):
    """MS-SSIM per picture, 0 to 1, after clamping and rounding to 8 bits, mean over the colours; by pytorch-msssim.

    Shapes: image, original [batch, 3, height, width]; out.value [batch], NaN where a side has under 161 pixels.
    Rounding stops gradients.
    Source: Wang, Simoncelli and Bovik, Asilomar 2003; its weights of the five scales.

    >>> original = torch.rand(1, 3, 176, 192)
    >>> MSSSIM()(image=original, original=original).value.tolist()
    [1.0]
    """

    @property
    def default_name(self) -> str:
        """With the usual word boundary."""
        return "ms_ssim"

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        # Here, not at the top: only who measures with it waits for it.
        from pytorch_msssim import ms_ssim

        if min(image.shape[2:]) < MIN_SIDE:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        shown = eight_bits(image.float()), eight_bits(original.float())
        return Score(ms_ssim(*shown, data_range=1.0, size_average=False))
