"""PSNR of 16x16 patches, by importance."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.precision import full_precision
from linksim.types import PATCH, Image, Importance, Score

MIN_PATCH_MSE = 1e-6


def patch_psnr(image: Tensor, original: Tensor) -> Tensor:
    """PSNR in dB of each 16x16 patch, [batch, rows, cols]; at most 60 dB. Patches cut by the edge count their part."""
    error = (eight_bits(image) - eight_bits(original)).square().mean(1, keepdim=True)
    padding = (0, -error.shape[3] % PATCH, 0, -error.shape[2] % PATCH)
    total = functional.avg_pool2d(functional.pad(error, padding), PATCH)
    share = functional.avg_pool2d(functional.pad(torch.ones_like(error), padding), PATCH)
    return -10 * torch.log10((total / share).clamp_min(MIN_PATCH_MSE))[:, 0]


class PatchScores(NamedTuple):
    """Mean patch PSNR in dB per class; NaN where a picture has no patch of the class."""

    background: Score
    low: Score
    medium: Score
    high: Score
    nonbackground: Score


class PatchPSNR(Block):
    """Mean over the patches of each importance class of the patch's PSNR in dB; 8 bits, MSE floored at 1e-6 (60 dB).

    Shapes: image, original [batch, 3, height, width]; importance [batch, rows, cols]; every output [batch].
    Non-background is all patches of importance 1 and more. Average over the pictures that have the class. Rounding
    stops gradients.
    Source: SA-OOSC, figs. 5 and 6; linksim's conventions.

    >>> original = torch.zeros(1, 3, 16, 32)
    >>> scores = PatchPSNR()(image=original + 0.1, original=original, importance=torch.tensor([[[0, 3]]]))
    >>> round(scores.high.value.item(), 1), scores.low.value.item()
    (19.8, nan)
    """

    @full_precision
    def forward(self, image: Image, original: Image, importance: Importance) -> PatchScores:
        quality = patch_psnr(image, original)

        def mean_over(chosen: Tensor) -> Score:
            return Score((quality * chosen).sum((1, 2)) / chosen.sum((1, 2)))

        background, low, medium, high = (mean_over(importance == label) for label in range(4))
        return PatchScores(background, low, medium, high, mean_over(importance >= 1))
