"""One random length for all patches of a picture, for training."""

import math

import torch

from linksim.blocks.rate.contract import Allocation, RateBlock
from linksim.blocks.rate.smoothing import quantize
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import PATCH, Decibels, Entropy, Importance, Size, patches_of


class RandomFixedRate(RateBlock):
    """A random k for each picture, the same for all its patches: what a codec with `FixedRate` is trained with.

    The CBR is log-uniform in `least_cbr`..`most_cbr`, and k the nearest of V. With `one_per_batch` a single value of V,
    all of them equally likely, serves the whole batch, for codecs that have a layer for each rate.

    Shapes: size [batch, 2] in pixels, the same within a batch; lengths and base_rate, which are the same, [batch, rows,
    cols]; target_met [batch], always true. Entropy, importance and SNR are taken, as by every rate block, and not used.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025 (random rates in training).

    Raises:
        ParameterError: the range of CBR is empty or not positive, or the set is unknown.

    >>> rate = RandomFixedRate(least_cbr=1 / 48, most_cbr=1 / 48).seed(1)
    >>> rate(size=torch.tensor([[16, 32]])).lengths.tolist()
    [[[16, 16]]]
    """

    def __init__(
        self,
        *,
        least_cbr: float = 0.012,
        most_cbr: float = 0.09,
        one_per_batch: bool = False,
        rate_set: RateSet | None = None,
    ) -> None:
        super().__init__()
        require(0 < least_cbr <= most_cbr < 10, "least_cbr", "positive and at most most_cbr", least_cbr)
        self.least_cbr, self.most_cbr, self.one_per_batch = least_cbr, most_cbr, one_per_batch
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
    ) -> Allocation:
        batch, values = len(size), self.get_buffer("values")
        rows, cols = map(patches_of, size[0].tolist())
        if self.one_per_batch:
            level = torch.randint(len(values), (1,), generator=self.rng, device=size.device).expand(batch)
        else:
            low, high = (math.log(cbr * 3 * PATCH**2) for cbr in (self.least_cbr, self.most_cbr))
            draws = torch.rand(batch, generator=self.rng, device=size.device)
            level = quantize(torch.exp(low + (high - low) * draws), values)
        lengths = values[level][:, None, None].expand(-1, rows, cols).contiguous()
        return Allocation(lengths, lengths, torch.ones(batch, dtype=torch.bool, device=size.device))
