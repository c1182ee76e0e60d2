"""LPIPS, where the weights of its network are there."""

import warnings
from functools import cache
from typing import Any

import torch

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.blocks.metrics.published_network import published_network
from linksim.blocks.metrics.spatial_mean import mean_over
from linksim.errors import LinksimError, require
from linksim.precision import full_precision
from linksim.randomness import global_state
from linksim.types import Image, Mask, Score

NETWORKS = ("alex", "vgg", "squeeze")
SMALLEST = 64


class LPIPS(Block):
    """Learned perceptual image patch similarity, a distance: lower is better, 0 equal; by the package lpips.

    The weights of the features come with the package, extra `perceptual`. The network below them is torchvision's,
    which it fetches, or which lies in torch's cache of checkpoints; without it there is an error, and no other metric
    takes the name. `HEDDistance` needs nothing from elsewhere.

    Pictures are clamped and rounded to 8 bits. With a mask the pixels of it alone are averaged.

    Args:
        network: "alex" as most papers have it, "vgg" or "squeeze". Papers with different ones cannot be compared.

    Shapes: image, original [batch, 3, height, width]; mask [batch, height, width]; out.value [batch], NaN where a side
    has under 64 pixels or the mask is empty. Rounding stops gradients.
    Source: Zhang et al., CVPR 2018; https://github.com/richzhang/PerceptualSimilarity, version 0.1.

    Raises:
        ParameterError: `network` is unknown.
        LinksimError: lpips or torchvision is not installed, or the network's weights are not there and cannot be
            fetched.

    >>> LPIPS(network="vgg")
    LPIPS(network='vgg')
    """

    def __init__(self, *, network: str = "alex") -> None:
        super().__init__()
        require(network in NETWORKS, "network", f"one of {', '.join(NETWORKS)}", network)
        self.network = network

    @full_precision
    def forward(self, image: Image, original: Image, mask: Mask | None = None) -> Score:
        if min(image.shape[2:]) < SMALLEST:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        network = _loaded(self.network, str(image.device))
        shown = (2 * eight_bits(each.float()) - 1 for each in (image, original))
        with torch.no_grad():
            scores = network(*shown)[:, 0]
        return Score(mean_over(scores, (image.shape[2], image.shape[3]), mask))


@cache
def _loaded(network: str, device: str) -> Any:
    try:
        with global_state, warnings.catch_warnings(action="ignore"):
            import lpips
    except ImportError:
        raise LinksimError(
            "lpips or torchvision is not installed; install both with: pip install 'linksim[perceptual]'"
        ) from None
    return published_network(
        "LPIPS", network, lambda: lpips.LPIPS(net=network, spatial=True, verbose=False), device
    )  # fmt: skip
