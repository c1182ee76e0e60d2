"""SA-OOSC's losses: sums of distortions and rate."""

from linksim.block import Block
from linksim.errors import require
from linksim.types import Score

DEFAULT_LAMBDA = 90.0
"""Squared error on the 0..255 scale per bit per pixel: a fine latent serves the joint coder better than a coarse."""
USUAL_DISTORTION = 20.0
"""About 35 dB, where `evenness` leaves the scale of the end-to-end distortion as it is."""


class HVLoss(Block):
    """The vectorizer's own loss, no channel between: rate_weight * rate + distortion.

    Shapes: distortion.value (as `WeightedDistortion`) and rate.value (as `BitsPerPixel`) [batch]; out.value [batch].
    Gradients pass.
    Source: SA-OOSC eq. 13, its SAD replaced by the weighted distortion.

    Raises:
        ParameterError: `rate_weight` is negative.

    >>> import torch
    >>> HVLoss(rate_weight=90.0)(distortion=Score(torch.tensor([20.0])), rate=Score(torch.tensor([0.5]))).value.item()
    65.0
    """

    def __init__(self, *, rate_weight: float = DEFAULT_LAMBDA) -> None:
        super().__init__()
        require(rate_weight >= 0, "rate_weight", "at least 0", rate_weight)
        self.rate_weight = rate_weight

    def forward(self, distortion: Score, rate: Score) -> Score:
        return Score(self.rate_weight * rate.value + distortion.value)


class SystemLoss(Block):
    """The loss of the whole system: rate_weight * rate + end-to-end distortion + the vectorizer's own distortion.

    With `evenness` g each picture's end-to-end distortion d counts (20/d)^g times as much, that factor held constant:
    0 is the mean of squared errors, which bad channels dominate; 1 has the gradient of the mean of PSNRs.

    Shapes: distortion.value, noiseless_distortion.value and rate.value [batch]; out.value [batch]. Gradients pass.
    Source: SA-OOSC eq. 20, its SADs replaced by weighted distortions and ||k||_1 by the rate of the latent.

    Raises:
        ParameterError: `rate_weight` is negative or `evenness` is not in 0..1.

    >>> import torch
    >>> parts = {"distortion": 80.0, "noiseless_distortion": 20.0, "rate": 0.5}
    >>> scores = {name: Score(torch.tensor([value])) for name, value in parts.items()}
    >>> SystemLoss()(**scores).value.item(), SystemLoss(evenness=0.5)(**scores).value.item()
    (145.0, 105.0)
    """

    def __init__(self, *, rate_weight: float = DEFAULT_LAMBDA, evenness: float = 0.0) -> None:
        super().__init__()
        require(rate_weight >= 0, "rate_weight", "at least 0", rate_weight)
        require(0 <= evenness <= 1, "evenness", "in 0..1", evenness)
        self.rate_weight, self.evenness = rate_weight, evenness

    def forward(self, distortion: Score, noiseless_distortion: Score, rate: Score) -> Score:
        factor = (USUAL_DISTORTION / distortion.value.detach().clamp_min(1e-3)).pow(self.evenness)
        return Score(self.rate_weight * rate.value + factor * distortion.value + noiseless_distortion.value)
