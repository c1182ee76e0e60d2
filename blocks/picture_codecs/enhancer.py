"""A network at the receiver that takes a picture codec's artefacts out of decoded pictures."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.vectorizer.layers import (
    ResidualBlock,
    scaled_convolution,
    seeded_initialization,
    zero_convolution,
)
from linksim.precision import single_precision
from linksim.types import PATCH, Image, Importance
from linksim.weights import load_part

Detail: TypeAlias = Float[Tensor, "batch rows cols"]
"""Bits per pixel that were spent on what stands in each 16x16 patch, 0 where nothing arrived."""

TOKEN = 4
FINE, COARSE = 64, 96
"""Channels at 1/4 and 1/8 of the picture's size."""
FINE_HIDDEN = 48
LEVELS = 4
"""Importance levels."""
MIN_DETAIL, MAX_DETAIL = 2.0**-8, 8.0
CHANGE = 0.1
"""Of the pixel range: the size of a change that the last layer gives for features of size one. Errors of a decoded
picture are small, and without this the first steps of training make it worse."""
MULTIPLE = 2 * PATCH
"""Pictures are padded to a multiple of so many pixels, so that both sizes divide."""


class PictureEnhancer(Block):
    """Estimate the original from a decoded picture, and from how many bits each of its patches got.

    A residual network, at 1/4 and 1/8 of the picture's size. It sees the picture, `detail`, and the importance levels
    where the receiver knows them: where regions were coded apart, they end at the borders of these levels. Patches of
    which nothing arrived stay as they are. 0.35 million parameters and 11 thousand multiplications per pixel.

    Args:
        weights: a shipped name ("enhancer", for AVIF and HEIF), the path of a .safetensors file, or None for an
            untrained network, which changes nothing.

    Shapes: image and out [batch, 3, height, width] in [0, 1]; detail [batch, rows, cols] in bits per pixel; importance
    [batch, rows, cols], 0 if absent. Gradients pass.
    Source: residual enhancement of decoded pictures, Dong et al., ARCNN, ICCV 2015.

    Raises:
        WeightsError: the weights are unknown or do not fit.

    >>> image = torch.rand(1, 3, 40, 56)
    >>> torch.equal(PictureEnhancer(weights=None)(image=image, detail=torch.ones(1, 3, 4)), image)
    True
    """

    def __init__(self, *, weights: str | None = "enhancer") -> None:
        super().__init__()
        with seeded_initialization():
            self.head = scaled_convolution(3 * TOKEN**2, FINE)
            self.condition = scaled_convolution(LEVELS + 1, FINE, 1)
            self.fine = ResidualBlock(FINE, FINE_HIDDEN, kernel=1)
            self.down = scaled_convolution(FINE, COARSE, 2, 2)
            self.coarse = nn.Sequential(*(ResidualBlock(COARSE, COARSE, kernel=1) for _ in range(2)))
            self.up = nn.Sequential(zero_convolution(COARSE, 4 * FINE), nn.PixelShuffle(2))
            self.last = ResidualBlock(FINE, FINE_HIDDEN, kernel=1)
            self.tail = zero_convolution(FINE, 3 * TOKEN**2, 3)
        load_part(self, weights, "enhancer")

    @single_precision
    def forward(self, image: Image, detail: Detail, importance: Importance | None = None) -> Image:
        height, width = image.shape[2:]
        padded = functional.pad(image, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        rows, cols = padded.shape[2] // PATCH, padded.shape[3] // PATCH
        missing = (0, cols - detail.shape[2], 0, rows - detail.shape[1])
        condition = functional.pad(_condition(detail, importance), missing)
        tokens = functional.pixel_unshuffle(padded - 0.5, TOKEN).contiguous(memory_format=torch.channels_last)
        told = functional.interpolate(self.condition(condition), scale_factor=PATCH // TOKEN)
        x = self.fine(self.head(tokens) + told)
        x = self.last(x + self.up(self.coarse(self.down(x))))
        change = CHANGE * functional.pixel_shuffle(self.tail(x).float(), TOKEN)[..., :height, :width]
        there = (detail > 0)[:, None].repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3)[..., :height, :width]
        return image + change * there


def _condition(detail: Tensor, importance: Tensor | None) -> Tensor:
    """What the network is told of each patch, float [batch, 5, rows, cols]."""
    labels = torch.zeros(detail.shape, dtype=torch.int64, device=detail.device) if importance is None else importance
    levels = functional.one_hot(labels.long(), LEVELS).movedim(-1, 1)
    octaves = detail.clamp(MIN_DETAIL, MAX_DETAIL).log2() / 4
    return torch.cat([octaves[:, None], levels.to(detail)], 1)
