"""Peak signal-to-noise ratio of whole pictures."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.precision import full_precision
from linksim.types import Image, Score

MIN_PICTURE_MSE = 1e-10


def eight_bits(image: Tensor) -> Tensor:
    """What a viewer would get: clamped and rounded to 8 bits, still in [0, 1]."""
    return (image.clamp(0, 1) * 255).round() / 255


class PSNR(Block):
    """PSNR in dB per picture, peak 1, after clamping and rounding to 8 bits; identical pictures give 100 dB.

    Shapes: image, original [batch, 3, height, width]; out.value [batch]. Average over pictures in dB. Rounding stops
    gradients.
    Source: ITU-T J.340; linksim's conventions.

    >>> original = torch.zeros(1, 3, 16, 16)
    >>> round(PSNR()(image=original + 0.1, original=original).value.item(), 1)
    19.8
    """

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        error = (eight_bits(image) - eight_bits(original)).square().mean((1, 2, 3))
        return Score(-10 * torch.log10(error.clamp_min(MIN_PICTURE_MSE)))
