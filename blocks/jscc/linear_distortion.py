"""What linear coding will cost in quality, known before sending."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from linksim.block import Block
from linksim.blocks.jscc.level_statistics import (
    importance_weight,
    level_loading,
    level_sums,
    prior_variance,
    sent_dimensions,
)
from linksim.blocks.jscc.power_loading import loaded_amplitude
from linksim.blocks.vectorizer.klt import DEFAULT_STEP
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import Distortion, Importance, Latent


@dataclass(frozen=True)
class LinearDistortion(Distortion):
    """The error of LinearJSCCEncoder and LinearJSCCDecoder: truncation, and what noise leaves behind LMMSE.

    `variance` is what the coder takes for usual, per real dimension; `weight` is each patch's importance weight.
    """

    variance: Float[Tensor, "channels"]
    weight: Float[Tensor, "batch rows cols"]

    def expected_error(self, index: int, levels: Tensor, values: Tensor, noise_variance: float) -> float:
        """sum m q/(m + q) over what is sent, m its second moment at its level, q = P N0/(2 g^2), and the rest whole."""
        level, weight = levels[None], self.weight[index : index + 1]
        energy = level_sums(self.energy[index].movedim(0, -1)[None], level, len(values))
        marks = level_sums(torch.stack([torch.ones_like(weight), weight], -1), level, len(values))
        patches = marks[..., 0]
        sent = sent_dimensions(values, len(self.variance))
        power_loading = level_loading(energy, patches, marks[..., 1], self.variance, sent)
        gain = loaded_amplitude(power_loading, self.variance).square()
        kept = energy * sent
        power = (gain * kept).sum() / values[levels].sum()
        moment = kept / patches.clamp_min(1)[..., None]
        noise = power * noise_variance / 2 / gain
        noisy = patches[..., None] * moment * noise / (moment + noise)
        return float((noisy * sent).sum() + (energy - kept).sum())


class LinearJSCCDistortion(Block):
    """What a transmitter with linear coding can predict, for `RateAllocator(target_psnr=...)`.

    Shapes: latent [batch, channels, rows, cols] in units of `step`; importance [batch, rows, cols], 0 if absent; out a
    `LinearDistortion` for pictures in [0, 1].
    Source: as LinearJSCCEncoder.

    Raises:
        ParameterError: `importance_exponent` is out of range.

    >>> predicted = LinearJSCCDistortion()(latent=torch.randn(1, 256, 2, 2))
    >>> levels, values = torch.zeros(2, 2, dtype=torch.int64), torch.tensor([2, 128])
    >>> error = [predicted.expected_error(0, levels + level, values, 0.1) for level in (0, 1)]
    >>> error[0] > error[1]
    True
    """

    def __init__(self, *, step: float = DEFAULT_STEP, importance_exponent: float = 2.0) -> None:
        super().__init__()
        require(0 <= importance_exponent <= 8, "importance_exponent", "in 0..8", importance_exponent)
        self.step, self.importance_exponent = step, importance_exponent

    @full_precision
    def forward(self, latent: Latent, importance: Importance | None = None) -> Distortion:
        variance = prior_variance(self.step, latent.shape[1]).to(latent) * self.step**2
        labels = latent.new_zeros(latent[:, 0].shape).long() if importance is None else importance
        weight = importance_weight(labels, self.importance_exponent).to(latent)
        return LinearDistortion((latent.detach() * self.step).square(), variance, weight)
