"""Lengths for training: a new rate for every picture."""

import math

import torch

from linksim.blocks.rate.contract import Allocation, RateBlock
from linksim.blocks.rate.smoothing import quantize
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import PATCH, Decibels, Entropy, Importance, Size

LABELLED_SHARE = 0.7
"""Share of the pictures whose rate follows their labels; the others get no C2."""
MEMORY = 0.98
"""Weight of the past in the running mean of the entropy."""


class RandomRateAllocator(RateBlock):
    """k = Q0[eta*e + C2(I)] with eta and alpha drawn anew for each picture, so that one coder learns all rates.

    eta = 768*cbr/m with cbr log-uniform in `least_cbr`..`most_cbr` and m the running mean of e over what was seen in
    training: a crop of sky gets few uses, as it would inside its picture. alpha is uniform in 0..`most_alpha` complex
    uses, and zero for some pictures. C2 and Q0 as in `RateAllocator`.

    Shapes: entropy [batch, rows, cols] in bits; importance likewise, 0 if absent; lengths, and base_rate as in
    `RateAllocator`, [batch, rows, cols] complex uses; target_met [batch], always true. No gradient: a step function.
    Size and SNR are taken, as by every rate block, and not used.
    Source: SA-OOSC eqs. 1, 14 to 16.

    Raises:
        ParameterError: the range of cbr is empty or not positive, or `most_alpha` is negative.

    >>> rate = RandomRateAllocator(least_cbr=0.04, most_cbr=0.04, most_alpha=0.0).seed(1)
    >>> rate.train()(entropy=torch.tensor([[[10.0, 100.0]]])).lengths.tolist()
    [[[4, 48]]]
    """

    def __init__(
        self,
        *,
        least_cbr: float = 0.012,
        most_cbr: float = 0.09,
        most_alpha: float = 24.0,
        rate_set: RateSet | None = None,
    ) -> None:
        super().__init__()
        require(0 < least_cbr <= most_cbr < 10, "least_cbr", "positive and at most most_cbr", least_cbr)
        require(0 <= most_alpha <= 1e4, "most_alpha", "in 0..10000 complex uses", most_alpha)
        self.least_cbr, self.most_cbr, self.most_alpha = least_cbr, most_cbr, most_alpha
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)
        self.register_buffer("mean_entropy", torch.zeros(()))

    def forward(
        self,
        entropy: Entropy,
        importance: Importance | None = None,
        size: Size | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
    ) -> Allocation:
        entropy = entropy.detach().float()
        mean = self._running_mean(entropy)
        draws = torch.rand(len(entropy), 3, generator=self.rng, device=entropy.device)[:, :, None, None]
        low, high = math.log(self.least_cbr), math.log(self.most_cbr)
        wished = torch.exp(low + (high - low) * draws[:, 0]) * 3 * PATCH**2 / mean * entropy
        alpha = torch.where(draws[:, 2] < LABELLED_SHARE, self.most_alpha * draws[:, 1], 0.0)
        values = self.get_buffer("values")
        base_rate = values[quantize(wished, values)]
        target_met = torch.ones(len(entropy), dtype=torch.bool, device=entropy.device)
        if importance is None:
            return Allocation(base_rate, base_rate, target_met)
        extra = alpha * torch.tensor([0.0, -1.0, 0.0, 1.0], device=entropy.device)[importance]
        return Allocation(values[quantize(wished + extra, values)], base_rate, target_met)

    def _running_mean(self, entropy: torch.Tensor) -> torch.Tensor:
        running = self.get_buffer("mean_entropy")
        seen = entropy.mean().clamp(1e-6, 1e6)
        mean = torch.where(running > 0, running * MEMORY + (1 - MEMORY) * seen, seen)
        if self.training:
            running.copy_(mean)
        return mean
