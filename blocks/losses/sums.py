"""Losses that are sums of distortions and rate."""

from torch.nn import functional

from linksim.block import Block
from linksim.errors import require
from linksim.types import Image, Score

COARSE = 8
"""Edge in pixels of the pieces over which means are compared."""
DEFAULT_LAMBDA = 40.0
"""Squared error on the 0..255 scale per bit per pixel: a fine latent serves the joint coder better than a coarse."""


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

    Shapes: distortion.value, noiseless_distortion.value and rate.value [batch]; out.value [batch]. Gradients pass.
    Source: SA-OOSC eq. 20, its SADs replaced by weighted distortions and ||k||_1 by the rate of the latent.

    Raises:
        ParameterError: `rate_weight` is negative.

    >>> import torch
    >>> parts = {"distortion": 80.0, "noiseless_distortion": 20.0, "rate": 0.5}
    >>> scores = {name: Score(torch.tensor([value])) for name, value in parts.items()}
    >>> SystemLoss(rate_weight=90.0)(**scores).value.item()
    145.0
    """

    def __init__(self, *, rate_weight: float = DEFAULT_LAMBDA) -> None:
        super().__init__()
        require(rate_weight >= 0, "rate_weight", "at least 0", rate_weight)
        self.rate_weight = rate_weight

    def forward(self, distortion: Score, noiseless_distortion: Score, rate: Score) -> Score:
        return Score(self.rate_weight * rate.value + distortion.value + noiseless_distortion.value)


class RegionLoss(Block):
    """The mean of the distortion of a whole masked picture and of its region, all but the region blackened again.

    The errors of a background that should be black weigh half as much as in the first alone, which they dominate.

    Shapes: whole.value and region.value (as `WeightedDistortion`) [batch]; out.value [batch]. Gradients pass.
    Source: linksim's; UIDSC (arXiv 2508.05884) minimises the first alone.

    >>> import torch
    >>> RegionLoss()(whole=Score(torch.tensor([80.0])), region=Score(torch.tensor([20.0]))).value.item()
    50.0
    """

    def forward(self, whole: Score, region: Score) -> Score:
        return Score((whole.value + region.value) / 2)


class GenEDLoss(Block):
    """What GenED-SC's first stage minimises: a weighted sum of how well the salient is found, and of distortions.

    The paper adds `match`, `foreground` and `background` with the weights 1, 1e-4 and 0.01, and nothing else. Then
    nothing holds the background's colours, and nothing teaches the patches' choice but what it does to the picture. So
    `whole`, the error of the whole picture, and `patches`, the match of the patches' choice, count beside them; their
    weights are 0 as printed.

    Shapes: match, patches, foreground, background and whole .value [batch]; out.value [batch]. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 26; `patches`, `whole` and the weights are linksim's.

    Raises:
        ParameterError: a weight is negative.

    >>> import torch
    >>> scores = {name: Score(torch.ones(1)) for name in ("match", "patches", "foreground", "background", "whole")}
    >>> round(GenEDLoss(match=1, patches=0, foreground=1e-4, background=0.01, whole=0)(**scores).value.item(), 4)
    1.0101
    """

    def __init__(
        self,
        *,
        match: float = 4.0,
        patches: float = 4.0,
        foreground: float = 0.25,
        background: float = 0.5,
        whole: float = 0.5,
    ) -> None:
        super().__init__()
        self.weights = {
            "match": match, "patches": patches, "foreground": foreground, "background": background, "whole": whole,
        }  # fmt: skip
        for name, weight in self.weights.items():
            require(weight >= 0, name, "at least 0", weight)

    def forward(self, match: Score, patches: Score, foreground: Score, background: Score, whole: Score) -> Score:
        found = {
            "match": match, "patches": patches, "foreground": foreground, "background": background, "whole": whole,
        }  # fmt: skip
        terms = [weight * found[name].value for name, weight in self.weights.items() if weight]
        return Score(sum(terms[1:], terms[0]) if terms else 0 * whole.value)


class EditorLoss(Block):
    """What `PictureEditor` minimises: absolute error, a perceptual distance, and what a discriminator says.

    The absolute error is of the picture, and once more of its means over 8x8 pixels, so that colours and brightness
    stay. The discriminator's own loss is added as it is: its gradients reach the discriminator alone.

    Shapes: image, original [batch, 3, height, width]; perceptual, maker, discriminator .value [batch], those of
    `PerceptualLoss` and `AdversarialLoss`; out.value [batch]. Gradients pass.
    Source: as ESRGAN, Wang et al., ECCV Workshops 2018, with other weights.

    Raises:
        ParameterError: a weight is negative.

    >>> import torch
    >>> image, none = torch.full((1, 3, 8, 8), 0.25), Score(torch.zeros(1))
    >>> EditorLoss()(image=image, original=torch.zeros(1, 3, 8, 8), perceptual=none).value.item()
    0.5
    """

    def __init__(self, *, perceptual: float = 0.3, maker: float = 0.01) -> None:
        super().__init__()
        require(perceptual >= 0, "perceptual", "at least 0", perceptual)
        require(maker >= 0, "maker", "at least 0", maker)
        self.perceptual, self.maker = perceptual, maker

    def forward(
        self,
        image: Image,
        original: Image,
        perceptual: Score,
        maker: Score | None = None,
        discriminator: Score | None = None,
    ) -> Score:
        away = image - original
        loss = away.abs().mean((1, 2, 3)) + functional.avg_pool2d(away, COARSE).abs().mean((1, 2, 3))
        loss = loss + self.perceptual * perceptual.value
        if maker is not None:
            loss = loss + self.maker * maker.value
        return Score(loss if discriminator is None else loss + discriminator.value)
