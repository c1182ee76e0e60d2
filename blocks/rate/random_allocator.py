"""Lengths for training: a new rate for every picture."""

import math

import torch

from linksim.block import Block
from linksim.blocks.rate.rate_set import RateSet, rate_values
from linksim.blocks.rate.smoothing import quantize
from linksim.errors import require
from linksim.types import PATCH, Entropy, Importance, Lengths

MADE_UP, LABELLED = 0.4, 0.3
"""Shares of the pictures whose rate follows random labels, and their own; the others get no C2."""
CELL = 4
"""Random labels are alike on so many patches each way."""
MEMORY = 0.98
"""Weight of the past in the running mean of the entropy."""


class RandomRateAllocator(Block):
    """k = Q0[eta*e + C2(I)] with eta and alpha drawn anew for each picture, so that one coder learns all rates.

    eta = 768*cbr/m with cbr log-uniform in `least_cbr`..`most_cbr` and m the running mean of e over what was seen in
    training: a crop of sky gets few uses, as it would inside its picture. alpha is uniform in 0..`most_alpha` complex
    uses. C2 and Q0 as in `RateAllocator`, with the labels given for some pictures, none for others, and random labels
    for the rest: a coder that has seen plain patches at high rates only where they mattered wastes what alpha gives.

    Shapes: entropy [batch, rows, cols] in bits; importance likewise, 0 if absent; out [batch, rows, cols] complex uses.
    No gradient: a step function.
    Source: SA-OOSC eqs. 1, 14 to 16.

    Raises:
        ParameterError: the range of cbr is empty or not positive, or `most_alpha` is negative.

    >>> rate = RandomRateAllocator(least_cbr=0.04, most_cbr=0.04, most_alpha=0.0).seed(1)
    >>> rate.train()(entropy=torch.tensor([[[10.0, 100.0]]])).tolist()
    [[[4, 48]]]
    """

    def __init__(
        self,
        *,
        least_cbr: float = 0.012,
        most_cbr: float = 0.09,
        most_alpha: float = 24.0,
        rate_set: RateSet = "default",
    ) -> None:
        super().__init__()
        require(0 < least_cbr <= most_cbr < 10, "least_cbr", "positive and at most most_cbr", least_cbr)
        require(0 <= most_alpha <= 1e4, "most_alpha", "in 0..10000 complex uses", most_alpha)
        self.least_cbr, self.most_cbr, self.most_alpha = least_cbr, most_cbr, most_alpha
        self.register_buffer("values", torch.tensor(rate_values(rate_set)), persistent=False)
        self.register_buffer("mean_entropy", torch.zeros(()))

    def forward(self, entropy: Entropy, importance: Importance | None = None) -> Lengths:
        entropy = entropy.detach().float()
        mean = self._running_mean(entropy)
        draws = torch.rand(len(entropy), 3, generator=self.rng, device=entropy.device)[:, :, None, None]
        low, high = math.log(self.least_cbr), math.log(self.most_cbr)
        wished = torch.exp(low + (high - low) * draws[:, 0]) * 3 * PATCH**2 / mean * entropy
        alpha = self.most_alpha * draws[:, 1]
        share = draws[:, 2]
        labels = torch.zeros_like(entropy, dtype=torch.int64) if importance is None else importance
        labels = torch.where(share < MADE_UP, self._made_up_labels(entropy), labels)
        alpha = torch.where(share < MADE_UP + LABELLED, alpha, 0.0)
        wished = wished + alpha * torch.tensor([0.0, -1.0, 0.0, 1.0], device=entropy.device)[labels]
        values = self.get_buffer("values")
        return values[quantize(wished, values)]

    def _made_up_labels(self, like: torch.Tensor) -> torch.Tensor:
        batch, rows, cols = like.shape
        coarse = (batch, -(-rows // CELL), -(-cols // CELL))
        labels = torch.randint(4, coarse, generator=self.rng, device=like.device)
        return labels.repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[:, :rows, :cols]

    def _running_mean(self, entropy: torch.Tensor) -> torch.Tensor:
        running = self.get_buffer("mean_entropy")
        seen = entropy.mean().clamp(1e-6, 1e6)
        mean = torch.where(running > 0, running * MEMORY + (1 - MEMORY) * seen, seen)
        if self.training:
            running.copy_(mean)
        return mean
