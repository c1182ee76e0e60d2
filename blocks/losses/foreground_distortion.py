"""Squared error over the pixels of the foreground."""

from linksim.block import Block
from linksim.blocks.losses.weighted_distortion import MIN_ERROR, PEAK, USUAL_ERROR
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import Image, Mask, Score

EPSILON = 1e-6
COLOURS = 3


class ForegroundDistortion(Block):
    """Squared error summed over the colours, on the 0..255 scale, mean over the pixels of a mask: lower is better.

    On this scale GenED-SC's weight of 1e-4 balances its other losses; the paper leaves the scale open. An empty mask
    has no error. `psnr_weighting` is as in `WeightedDistortion`: 1 has the gradient of a mean of PSNRs.

    Shapes: image, original [batch, 3, height, width]; mask [batch, height, width]; out.value [batch]. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 22.

    Raises:
        ParameterError: `psnr_weighting` is not in 0..1.

    >>> import torch
    >>> image, mask = torch.full((1, 3, 1, 2), 2 / 255), torch.tensor([[[True, False]]])
    >>> round(ForegroundDistortion()(image=image, original=torch.zeros(1, 3, 1, 2), mask=mask).value.item(), 3)
    12.0
    """

    def __init__(self, *, psnr_weighting: float = 0.0) -> None:
        super().__init__()
        require(0 <= psnr_weighting <= 1, "psnr_weighting", "in 0..1", psnr_weighting)
        self.psnr_weighting = psnr_weighting

    @full_precision
    def forward(self, image: Image, original: Image, mask: Mask) -> Score:
        error = (image - original).square().sum(1) * PEAK**2
        error = (error * mask).sum((1, 2)) / (mask.sum((1, 2)) + EPSILON)
        usual = (USUAL_ERROR / (error.detach() / COLOURS).clamp_min(MIN_ERROR)).pow(self.psnr_weighting)
        return Score(error * usual)
