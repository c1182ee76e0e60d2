"""BRISQUE: how degraded a picture looks, without an original."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.metrics.natural_statistics import (
    asymmetric_fit,
    halved,
    luminance,
    normalized,
    products,
    symmetric_fit,
)
from linksim.types import Image, Score
from linksim.weights import read_weights

SCALES = 2
SMALLEST = 16
GAMMA, OFFSET = 0.05, 153.591
"""Of the authors' support vector regression: of its kernel, and what is added."""


class BRISQUE(Block):
    """BRISQUE with the regression of its authors (LIVE): about 0 to 100, lower is better.

    It knows no original: it says how far a picture's statistics are from those of photographs, so a sharp picture of
    something else has a good score. 36 features of the luminance at two scales go into a support vector regression
    that was trained on blurred, noisy and compressed photographs. Values under 0 and over 100 occur. Pictures are
    clamped and rounded to 8 bits.

    Shapes: image [batch, 3, height, width]; out.value [batch], NaN where a side has under 16 pixels. No gradient.
    Source: Mittal, Moorthy and Bovik, IEEE Trans. Image Process. 2012; the model is the release's of 2011.

    >>> image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    >>> round(BRISQUE()(image=image).value.item())
    89
    """

    @torch.no_grad()
    def forward(self, image: Image) -> Score:
        if min(image.shape[2:]) < SMALLEST:
            return Score(torch.full((len(image),), torch.nan, device=image.device))
        features = torch.stack([brisque_features(picture) for picture in image.cpu()])
        return Score(_regressed(features).float().to(image.device))


def brisque_features(image: Tensor) -> Tensor:
    """The 36 features of a picture [3, height, width], float64."""
    grey, found = luminance(image), list[float]()
    for scale in range(SCALES):
        if scale:
            grey = halved(grey)
        structure = normalized(grey)[0]
        found += symmetric_fit(structure)
        for product in products(structure):
            found += asymmetric_fit(product)
    return torch.tensor(found, dtype=torch.float64)


def _regressed(features: Tensor) -> Tensor:
    model = _model()
    scaled = 2 * (features - model["least"]) / (model["most"] - model["least"]) - 1
    distances = torch.cdist(scaled, model["support_vectors"]).square()
    return torch.exp(-GAMMA * distances) @ model["coefficients"] + OFFSET


@cache
def _model() -> dict[str, Tensor]:
    found = read_weights(Path(__file__).with_name("brisque.safetensors"))
    return {name: tensor.double() for name, tensor in found.items()}
