"""Squared error in which important patches weigh more."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.errors import DimensionError, require
from linksim.types import PATCH, Image, Importance, Score

PEAK = 255.0
USUAL_ERROR, MIN_ERROR = 20.0, 1e-3
"""About 35 dB, where `psnr_weighting` leaves the scale as it is; and the least that is divided by."""


class WeightedDistortion(Block):
    """sum over patches of w_i * MSE_i on the 0..255 scale, w_i = 2^(exponent*I_i) over their sum: lower is better.

    Stands where SA-OOSC prints SAD in its losses, with the same weights: the paper adds a PSNR to what it minimises, a
    slip of the sign. `exponent` 1 is the paper's, 0 weighs all patches alike. A crop knows nothing of the picture that
    it was cut from: give the mean of 2^(exponent*I) over such pictures as `mean_weight`, and w_i is taken over that
    times the count of patches.

    With `psnr_weighting` g a picture of plain mean squared error m counts (20/m)^g times as much, that factor held
    constant: 0 is the mean of squared errors, which bad channels dominate; 1 has the gradient of a mean of PSNRs.

    Shapes: image, original [batch, 3, height, width], multiples of 16; importance [batch, rows, cols], 0 if absent;
    mean_weight [batch]; out.value [batch]. Gradients pass; nothing is clamped or rounded.
    Source: SA-OOSC appendix 8, eqs. 13, 19.

    Raises:
        ParameterError: `exponent` is not in 0..8 or `psnr_weighting` not in 0..1.
        DimensionError: height or width is no multiple of 16.

    >>> original = torch.zeros(1, 3, 16, 32)
    >>> image = torch.cat([original[..., :16] + 2 / 255, original[..., 16:]], -1)
    >>> [round(WeightedDistortion(exponent=x)(image=image, original=original,
    ...     importance=torch.tensor([[[3, 0]]])).value.item(), 3) for x in (0.0, 1.0)]
    [2.0, 3.556]
    """

    def __init__(self, *, exponent: float = 1.0, psnr_weighting: float = 0.0) -> None:
        super().__init__()
        require(0 <= exponent <= 8, "exponent", "in 0..8", exponent)
        require(0 <= psnr_weighting <= 1, "psnr_weighting", "in 0..1", psnr_weighting)
        self.exponent, self.psnr_weighting = exponent, psnr_weighting

    def forward(
        self,
        image: Image,
        original: Image,
        importance: Importance | None = None,
        mean_weight: Float[Tensor, "batch"] | None = None,
    ) -> Score:
        if image.shape[2] % PATCH or image.shape[3] % PATCH:
            raise DimensionError(
                f"training pictures must be multiples of {PATCH} pixels (got {image.shape[2]}x{image.shape[3]})"
            )
        error = (image.float() - original.float()).square().mean(1, keepdim=True)
        error = functional.avg_pool2d(error, PATCH)[:, 0] * PEAK**2
        if importance is None:
            importance = torch.zeros(error.shape, dtype=torch.int64, device=error.device)
        weight = torch.exp2(importance.to(error) * self.exponent)
        mean = weight.mean((1, 2)) if mean_weight is None else mean_weight
        weighted = (weight * error).mean((1, 2)) / mean
        plain = error.detach().mean((1, 2)).clamp_min(MIN_ERROR)
        return Score(weighted * (USUAL_ERROR / plain).pow(self.psnr_weighting))
