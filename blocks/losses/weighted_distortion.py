"""Squared error in which important patches weigh more."""

import torch
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.metrics.sad import importance_weights
from linksim.errors import DimensionError, require
from linksim.types import PATCH, Image, Importance, Score

PEAK = 255.0


class WeightedDistortion(Block):
    """sum over patches of w_i * MSE_i on the 0..255 scale, w_i = 2^(exponent*I_i) over their sum: lower is better.

    Stands where SA-OOSC prints SAD in its losses, with the same weights: the paper adds a PSNR to what it minimises, a
    slip of the sign. `exponent` 1 is the paper's, 0 weighs all patches alike. A crop knows nothing of the picture that
    it was cut from: with `mean_weight`, w_i is 2^(exponent*I_i) over that number times the count of patches.

    Shapes: image, original [batch, 3, height, width], multiples of 16; importance [batch, rows, cols], 0 if absent;
    out.value [batch]. Gradients pass; nothing is clamped or rounded.
    Source: SA-OOSC appendix 8, eqs. 13, 19.

    Raises:
        ParameterError: `exponent` is not in 0..8 or `mean_weight` is not positive.
        DimensionError: height or width is no multiple of 16.

    >>> original = torch.zeros(1, 3, 16, 32)
    >>> image = torch.cat([original[..., :16] + 2 / 255, original[..., 16:]], -1)
    >>> [round(WeightedDistortion(exponent=x)(image=image, original=original,
    ...     importance=torch.tensor([[[3, 0]]])).value.item(), 3) for x in (0.0, 1.0)]
    [2.0, 3.556]
    """

    def __init__(self, *, exponent: float = 1.0, mean_weight: float | None = None) -> None:
        super().__init__()
        require(0 <= exponent <= 8, "exponent", "in 0..8", exponent)
        require(mean_weight is None or mean_weight > 0, "mean_weight", "positive or None", mean_weight)
        self.exponent, self.mean_weight = exponent, mean_weight

    def forward(self, image: Image, original: Image, importance: Importance | None = None) -> Score:
        if image.shape[2] % PATCH or image.shape[3] % PATCH:
            raise DimensionError(f"training pictures must be multiples of {PATCH} pixels (got {image.shape[2]}x"
                                 f"{image.shape[3]})")  # fmt: skip
        error = (image.float() - original.float()).square().mean(1, keepdim=True)
        error = functional.avg_pool2d(error, PATCH)[:, 0] * PEAK**2
        if importance is None:
            importance = torch.zeros(error.shape, dtype=torch.int64, device=error.device)
        if self.mean_weight is None:
            weight = importance_weights(importance * self.exponent).to(error)
        else:
            weight = torch.exp2(importance.to(error) * self.exponent) / (self.mean_weight * error[0].numel())
        return Score((weight * error).sum((1, 2)))
