"""DISTS, where the weights of its network are there."""

import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.blocks.metrics.published_network import published_network
from linksim.errors import LinksimError
from linksim.precision import full_precision
from linksim.randomness import global_state
from linksim.types import Image, Score

SMALLEST = 16


class DISTS(Block):
    """Deep image structure and texture similarity, a distance: lower is better, 0 equal; by the package dists-pytorch.

    It forgives a texture that is another sample of the same kind, which pictures from generative models have. The
    weights of its terms come with the package (MIT), extra `perceptual`. The network below them is torchvision's VGG16,
    which it fetches, or which lies in torch's cache of checkpoints; without it there is an error, and no other metric
    takes the name. `HEDDistance` needs nothing from elsewhere.

    Pictures are clamped and rounded to 8 bits. The paper scales them to 256 pixels on the shorter side before; here
    they stay as they are.

    Shapes: image, original [batch, 3, height, width]; out.value [batch], NaN where a side has under 16 pixels. Rounding
    stops gradients.
    Source: Ding et al., IEEE Trans. Pattern Anal. Mach. Intell. 2022; https://github.com/dingkeyan93/DISTS.

    Raises:
        LinksimError: dists-pytorch or torchvision is not installed, or the network's weights are not there and cannot
            be fetched.

    >>> DISTS()
    DISTS()
    """

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        if min(image.shape[2:]) < SMALLEST:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        network = _loaded(str(image.device))
        found = network(eight_bits(image.float()), eight_bits(original.float()))
        return Score(found.reshape(len(image)))


@cache
def _loaded(device: str) -> Any:
    try:
        with global_state, warnings.catch_warnings(action="ignore"):
            from DISTS_pytorch import DISTS as Network  # noqa: N811
    except ImportError:
        raise LinksimError(
            "dists-pytorch or torchvision is not installed; install both with: pip install 'linksim[perceptual]'"
        ) from None
    if not (Path(sys.prefix) / "weights.pt").is_file():
        raise LinksimError("the weights of dists-pytorch are not where it puts them; install version 0.1 of it again")
    return published_network("DISTS", "vgg16", Network, device)
