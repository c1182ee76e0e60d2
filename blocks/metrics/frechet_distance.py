"""How far the statistics of a set of pictures are from those of the originals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor
from torch.nn import functional

from linksim.blocks.knowledge.picture_features import LITE1_SHA256, lite_network
from linksim.blocks.metrics.psnr import eight_bits
from linksim.errors import LinksimError

EDGE, STAGE, CHANNELS = 240, 2, 40
"""Pictures are scaled to 240x240 pixels. The network's third stage has 40 features at each of 30x30 places."""


@dataclass(frozen=True, eq=False)
class FeatureMoments:
    """Of the features at `places` places: their sum [channels] and the sum of their products [channels, channels], in
    double precision. Moments of several pictures add up."""

    places: int
    total: Tensor
    products: Tensor

    def __add__(self, other: "FeatureMoments") -> "FeatureMoments":
        return FeatureMoments(self.places + other.places, self.total + other.total, self.products + other.products)


def feature_moments(image: Tensor) -> list[FeatureMoments]:
    """Of each picture of a batch [batch, 3, height, width], for `frechet_distance` (extra `knowledge`).

    The features are those of EfficientNet-Lite1 at 1/8 of the picture's size, which has 240x240 pixels then. Pictures
    are clamped and rounded to 8 bits first. No gradient.

    Raises:
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> [moments.places for moments in feature_moments(torch.rand(2, 3, 32, 48))]
    [900, 900]
    """
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
        scaled = functional.interpolate(eight_bits(image.float()), (EDGE, EDGE), mode="bicubic", antialias=True)
        network = lite_network(1, LITE1_SHA256, str(image.device))
        (maps,) = network.forward_intermediates(  # pyright: ignore[reportCallIssue]
            2 * scaled.clamp(0, 1) - 1, indices=[STAGE], intermediates_only=True
        )
        features = maps.double().flatten(2)
        return [FeatureMoments(each.shape[1], each.sum(1), each @ each.T) for each in features]


def frechet_distance(shown: Sequence[FeatureMoments], original: Sequence[FeatureMoments]) -> float:
    """Fréchet distance between the features of two sets of pictures, 0 or more: lower is better.

    It is the squared distance between two Gaussian distributions that have the means and covariances of the features.
    It compares sets, never a picture with its original, and grows smaller with more pictures: compare only values
    of sets of the same size. The features are local and few, so that 30 pictures give a stable value. It is not FID,
    whose 2,048 features of Inception-v3 need thousands of pictures.

    Source: Heusel et al., NeurIPS 2017, eq. 6, on other features.

    Raises:
        LinksimError: a set has no more places than features, so that its covariance is singular.

    >>> pictures = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    >>> moments, darker = feature_moments(pictures), feature_moments(pictures / 3)
    >>> round(abs(frechet_distance(moments, moments)), 6), frechet_distance(darker, moments) > 1
    (0.0, True)
    """
    (mean, covariance), (other_mean, other_covariance) = _gaussian(shown), _gaussian(original)
    root = _square_root(covariance)
    # The trace of the root of a product is that of this symmetric matrix, which eigh takes without rounding trouble.
    common = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp_min(0).sqrt().sum()
    distance = (mean - other_mean).square().sum() + covariance.trace() + other_covariance.trace() - 2 * common
    return max(0.0, float(distance))


def _gaussian(moments: Sequence[FeatureMoments]) -> tuple[Tensor, Tensor]:
    """Mean and unbiased covariance."""
    if not moments:
        raise LinksimError("the Fréchet distance needs pictures in both sets; one set is empty")
    both = reduce(add, moments)
    if both.places <= len(both.total):
        raise LinksimError(
            f"the Fréchet distance of {len(both.total)} features needs more than {len(both.total)} places; "
            f"a set has {both.places}"
        )
    mean = both.total / both.places
    return mean, (both.products - both.places * mean.outer(mean)) / (both.places - 1)


def _square_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
