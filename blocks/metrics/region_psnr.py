"""PSNR of a region of interest alone, and of the picture masked again."""

from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.metrics.psnr import MIN_PICTURE_MSE, eight_bits
from linksim.precision import full_precision
from linksim.types import Image, Mask, Score


class RegionScores(NamedTuple):
    """PSNR over the region's pixels, and over all pixels with what lies outside the region taken for right."""

    region: Score
    masked_again: Score


class RegionPSNR(Block):
    """PSNR in dB of the pixels of a mask, peak 1, after clamping and rounding to 8 bits; NaN where the mask is empty.

    `region` is over the pixels of the mask. `masked_again` is that of a receiver that blackens all others: its squared
    error is the region's over the pixels of the whole picture, so it exceeds `region` by -10 log10 of the region's
    share.

    Shapes: image, original [batch, 3, height, width]; mask [batch, height, width]; each value [batch].
    Source: linksim; UIDSC (arXiv 2508.05884) gives the PSNR of the whole masked picture alone, which its black
    background decides.

    >>> original, mask = torch.zeros(1, 3, 1, 2), torch.tensor([[[True, False]]])
    >>> scores = RegionPSNR()(image=torch.tensor([0.1, 0.9]).expand(1, 3, 1, 2), original=original, mask=mask)
    >>> [round(score.value.item(), 1) for score in scores]
    [19.8, 22.8]
    """

    @full_precision
    def forward(self, image: Image, original: Image, mask: Mask) -> RegionScores:
        kept = mask[:, None]
        error = ((eight_bits(image) - eight_bits(original)).square() * kept).sum((1, 2, 3)) / 3
        count = mask.sum((1, 2)).to(error)
        pixels = mask[0].numel()
        return RegionScores(
            Score(torch.where(count > 0, _decibels(error / count.clamp_min(1)), torch.nan)),
            Score(torch.where(count > 0, _decibels(error / pixels), torch.nan)),
        )


def _decibels(error: Tensor) -> Tensor:
    return -10 * torch.log10(error.clamp_min(MIN_PICTURE_MSE))
