"""Statistics of natural pictures: what BRISQUE and NIQE see of a picture."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

WINDOW, DEVIATION = 7, 7 / 6
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (-1, 1))
"""Down and right, by how much the picture is shifted before each place is multiplied by its neighbour."""
SHAPES = torch.arange(0.2, 10.0005, 0.001, dtype=torch.float64)
"""Shape parameters that are tried."""
LEAST = 1e-12
GREY = (0.298936021293776, 0.587043074451121, 0.114020904255103)
"""Of red, green and blue, MATLAB's."""


def luminance(image: Tensor) -> Tensor:
    """Grey as whole numbers 0 to 255, float64 [height, width], of a picture [3, height, width] in [0, 1]."""
    pixels = (image.double().clamp(0, 1) * 255).round()
    return torch.einsum("c,chw->hw", torch.tensor(GREY, dtype=torch.float64, device=image.device), pixels).round()


def halved(grey: Tensor) -> Tensor:
    """At half the size, by cubic interpolation with a filter against aliasing."""
    size = [-(-edge // 2) for edge in grey.shape]
    return functional.interpolate(grey[None, None], size=size, mode="bicubic", antialias=True)[0, 0]


def normalized(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Each pixel less the mean about it, over the deviation about it plus 1; and that deviation. Beyond the edge are
    zeros."""
    kernel = _kernel().to(grey.device)[None, None]

    def smoothed(x: Tensor) -> Tensor:
        return functional.conv2d(x[None, None], kernel, padding=WINDOW // 2)[0, 0]

    mean = smoothed(grey)
    deviation = (smoothed(grey.square()) - mean.square()).abs().sqrt()
    return (grey - mean) / (deviation + 1), deviation


def products(values: Tensor) -> list[Tensor]:
    """Each place times its neighbour, in four directions; the edges meet."""
    return [values * torch.roll(values, shift, (0, 1)) for shift in NEIGHBOURS]


def symmetric_fit(values: Tensor) -> tuple[float, float]:
    """Shape and variance of a generalised Gaussian distribution with these moments."""
    square = float(values.square().mean())
    ratio = square / max(float(values.abs().mean()) ** 2, LEAST)
    return float(SHAPES[(_symmetric_ratios() - ratio).abs().argmin()]), square


def asymmetric_fit(values: Tensor) -> tuple[float, float, float, float]:
    """Shape, mean, and variance left and right of zero of an asymmetric generalised Gaussian distribution."""
    left, right = (_variance(values[values < 0]), _variance(values[values > 0]))
    skew = (left / max(right, LEAST)) ** 0.5
    ratio = float(values.abs().mean()) ** 2 / max(float(values.square().mean()), LEAST)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = SHAPES[(1 / _symmetric_ratios() - ratio).abs().argmin()]
    one, two, three = (torch.lgamma(order / shape) for order in (1.0, 2.0, 3.0))
    scale = torch.exp(two - one + (one - three) / 2)
    return float(shape), float((right**0.5 - left**0.5) * scale), left, right


def _variance(values: Tensor) -> float:
    return float(values.square().mean()) if len(values) else 0.0


@cache
def _kernel() -> Tensor:
    place = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    line = torch.exp(-place.square() / (2 * DEVIATION**2))
    return torch.outer(line, line) / line.sum() ** 2


@cache
def _symmetric_ratios() -> Tensor:
    """E[x^2] / E[|x|]^2 by shape."""
    one, two, three = (torch.lgamma(order / SHAPES) for order in (1.0, 2.0, 3.0))
    return torch.exp(one + three - 2 * two)
