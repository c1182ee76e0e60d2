"""NIQE: how far a picture's statistics are from those of photographs, without an original and without opinions."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.metrics.natural_statistics import asymmetric_fit, halved, luminance, normalized, products
from linksim.types import Image, Score
from linksim.weights import read_weights

PATCH_EDGE, SCALES = 96, 2


class NIQE(Block):
    """NIQE with statistics that were fitted here: lower is better.

    36 features of each patch of 96x96 pixels; the distance is between two normal distributions, that of the picture's
    patches and that of sharp patches of photographs (BSDS500). It is not the model of NIQE's authors: its figures must
    not be compared with theirs. Pictures are clamped and rounded to 8 bits.

    Shapes: image [batch, 3, height, width]; out.value [batch], NaN where fewer than two patches fit. No gradient.
    Source: Mittal, Soundararajan and Bovik, IEEE Signal Process. Lett. 2013.

    >>> image = torch.rand(1, 3, 96, 192, generator=torch.Generator().manual_seed(1))
    >>> bool(NIQE()(image=image).value > 10)
    True
    """

    @torch.no_grad()
    def forward(self, image: Image) -> Score:
        return Score(torch.tensor([_distance(picture) for picture in image.cpu()], device=image.device))


def patch_features(image: Tensor) -> tuple[Tensor, Tensor]:
    """The 36 features of each whole patch of a picture [3, height, width], and how sharp each patch is."""
    grey = luminance(image)
    rows, cols = (edge // PATCH_EDGE for edge in grey.shape)
    grey = grey[: rows * PATCH_EDGE, : cols * PATCH_EDGE]
    found: list[Tensor] = []
    sharpness = torch.zeros(0)
    for scale in range(SCALES):
        if scale:
            grey = halved(grey)
        structure, deviation = normalized(grey)
        edge = PATCH_EDGE >> scale
        patches = [_cut(values, edge) for values in (structure, *products(structure))]
        found.append(torch.tensor([_features([kind[place] for kind in patches]) for place in range(rows * cols)]))
        if not scale:
            sharpness = _cut(deviation, edge).mean((1, 2))
    return torch.cat(found, 1).double().view(rows * cols, -1), sharpness


def _features(kinds: list[Tensor]) -> list[float]:
    """18 of one scale: shape and mean deviation of the structure, then four of each product of neighbours."""
    shape, _, left, right = asymmetric_fit(kinds[0])
    found = [shape, (left**0.5 + right**0.5) / 2]
    for product in kinds[1:]:
        shape, mean, left, right = asymmetric_fit(product)
        found += [shape, mean, left**0.5, right**0.5]
    return found


def _cut(values: Tensor, edge: int) -> Tensor:
    """Square pieces [count, edge, edge], row by row."""
    return values.unfold(0, edge, edge).unfold(1, edge, edge).reshape(-1, edge, edge)


def _distance(image: Tensor) -> float:
    if (image.shape[1] // PATCH_EDGE) * (image.shape[2] // PATCH_EDGE) < 2:
        return float("nan")
    features = patch_features(image)[0]
    model = _model()
    spread = (model["covariance"] + torch.cov(features.T)) / 2
    away = features.mean(0) - model["mean"]
    return float((away @ torch.linalg.pinv(spread) @ away).clamp_min(0).sqrt())


@cache
def _model() -> dict[str, Tensor]:
    return {name: each.double() for name, each in read_weights(Path(__file__).with_name("niqe.safetensors")).items()}
