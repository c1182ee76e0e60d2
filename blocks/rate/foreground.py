"""A longer code for the patches of the foreground than for those of the background."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.contract import Allocation, Budget, RateBlock
from linksim.blocks.rate.header_cost import HeaderCost
from linksim.blocks.rate.smoothing import quantize
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import PATCH, Decibels, Entropy, Foreground, Importance, Score, Size, patches_of

DEFAULT_CBR = 1 / 24
UNSPENT_WEIGHT = 5.0
LEAST_RATIO, MOST_RATIO, ALIKE_SHARE = 1.2, 4.0, 1 / 3
"""Of lengths in training, and the share of pictures that have one length."""


class ForegroundRate(RateBlock):
    """One length for the foreground's patches, one for the background's, the first about `ratio` times the second.

    So the rate map tells the receiver which patches are foreground, and the header, which codes the map, pays for it.
    Of the pairs of V that the budget pays for, one is taken that spends the most of it and has nearly the ratio. A
    `ratio` of 1 gives all patches the same length, as does a picture without foreground or without background; then
    nothing is told.

    Give `target_cbr`, payload uses over 3*height*width (1/24 where nothing is given), or `target_cbr_total`, header
    included; of that, `reserved` uses are left for what is sent beside the picture, as a caption. `target_met` is true
    whenever the budget holds. `rate_set`, `header_code_rate`, `header_fields` and `fading` describe the codec, the
    header and the channel; a link fills in those that are None.

    Shapes: size [batch, 2] in pixels, the same within a batch; foreground [batch, rows, cols]; reserved [batch];
    lengths and base_rate, which are the same, [batch, rows, cols] complex uses; target_met [batch]. No gradient: a step
    function. Entropy and importance are taken, as by every rate block, and not used.
    Source: linksim; GenED-SC (arXiv 2606.04015) leaves open how many symbols each branch gets.

    Raises:
        ParameterError: both targets are given, one is out of range, `ratio` is not in 1..16, or the set is unknown.

    >>> rate = ForegroundRate(target_cbr=1 / 24, ratio=2.0, rate_set=tuple(range(2, 97, 2)))
    >>> rate(size=torch.tensor([[16, 64]]), foreground=torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])).lengths.tolist()
    [[[50, 26, 26, 26]]]
    """

    def __init__(
        self,
        *,
        target_cbr: float | None = None,
        target_cbr_total: float | None = None,
        ratio: float = 3.0,
        rate_set: RateSet | None = None,
        header_code_rate: CodeRate | None = None,
        header_fields: tuple[str, ...] | None = None,
        fading: bool | None = None,
    ) -> None:
        super().__init__()
        self.budget = Budget({"target_cbr": target_cbr, "target_cbr_total": target_cbr_total}, DEFAULT_CBR)
        require(1 <= ratio <= 16, "ratio", "in 1..16", ratio)
        self.ratio = ratio
        self.header_cost = HeaderCost(header_code_rate, header_fields, fading)
        self.values = rate_values(rate_set or "default")

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,
        foreground: Foreground | None = None,
        reserved: Score | None = None,
    ) -> Allocation:
        rows, cols = map(patches_of, size[0].tolist())
        inside = torch.zeros(len(size), rows, cols, dtype=torch.bool, device=size.device)
        if foreground is not None:
            inside = foreground > 0.5
        snrs = [None] * len(size) if snr_db is None else snr_db.tolist()
        found = [self._levels(*each) for each in zip(inside.cpu(), self.budget.uses(size, reserved), snrs, strict=True)]
        values = torch.tensor(self.values, device=size.device)
        lengths = values[torch.stack([levels for levels, _ in found]).to(size.device)]
        return Allocation(lengths, lengths, torch.tensor([met for _, met in found], device=size.device))

    def _levels(self, inside: Tensor, budget: float, snr_db: float | None) -> tuple[Tensor, bool]:
        """The level of each patch, and whether the budget holds."""
        for pair in _ranked(self.values, int(inside.sum()), int((~inside).sum()), budget, self.ratio):
            levels = torch.where(inside, pair.inside, pair.outside)
            if pair.payload + self._header(levels, snr_db) <= budget:
                return levels, True
        return torch.zeros(inside.shape, dtype=torch.int64), False

    def _header(self, levels: Tensor, snr_db: float | None) -> int:
        return self.header_cost.uses(levels, levels, len(self.values), snr_db) if self.budget.total else 0


@dataclass(frozen=True)
class _Pair:
    inside: int
    outside: int
    payload: int
    away: float


def _ranked(values: tuple[int, ...], inside: int, outside: int, budget: float, ratio: float) -> list[_Pair]:
    """Pairs of levels that the budget pays for, the best first. What is left unspent counts five times as much as what
    the ratio lacks or has too much, both as shares."""
    both = ratio > 1 and inside > 0 and outside > 0
    pairs: list[_Pair] = []
    for number, value in enumerate(values):
        for other in range(number) if both else (number,):
            payload = value * inside + values[other] * outside
            if payload <= budget:
                wrong = abs(math.log(value / values[other] / ratio)) if both else 0.0
                pairs.append(_Pair(number, other, payload, wrong + UNSPENT_WEIGHT * (1 - payload / budget)))
    return sorted(pairs, key=lambda pair: pair.away)


class RandomForegroundRate(RateBlock):
    """A random mean rate and a random ratio of the foreground's length to the background's, for training.

    The CBR is log-uniform in `least_cbr`..`most_cbr`, the ratio in 1.2..4; a third of the pictures has one length for
    all patches. Lengths are the nearest of V.

    Shapes: as `ForegroundRate`; target_met is always true.
    Source: linksim.

    Raises:
        ParameterError: the range of CBR is empty or not positive, or the set is unknown.

    >>> rate = RandomForegroundRate(least_cbr=1 / 48, most_cbr=1 / 48, rate_set=(8, 16, 32)).seed(1)
    >>> rate(size=torch.tensor([[16, 32]])).lengths.tolist()
    [[[16, 16]]]
    """

    def __init__(self, *, least_cbr: float = 0.012, most_cbr: float = 0.09, rate_set: RateSet | None = None) -> None:
        super().__init__()
        require(0 < least_cbr <= most_cbr < 10, "least_cbr", "positive and at most most_cbr", least_cbr)
        self.least_cbr, self.most_cbr = least_cbr, most_cbr
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
        foreground: Foreground | None = None,
    ) -> Allocation:
        batch, values = len(size), self.get_buffer("values")
        rows, cols = map(patches_of, size[0].tolist())
        inside = torch.zeros(batch, rows, cols, device=size.device) if foreground is None else foreground.detach()
        draws = torch.rand(3, batch, 1, 1, generator=self.rng, device=size.device)
        low, high = (math.log(cbr * 3 * PATCH**2) for cbr in (self.least_cbr, self.most_cbr))
        mean = torch.exp(low + (high - low) * draws[0])
        ratio = torch.exp(math.log(LEAST_RATIO) + math.log(MOST_RATIO / LEAST_RATIO) * draws[1])
        ratio = torch.where(draws[2] < ALIKE_SHARE, 1.0, ratio)
        share = inside.mean((1, 2), keepdim=True)
        short = mean / (share * ratio + 1 - share)
        lengths = values[quantize(torch.where(inside > 0.5, ratio * short, short), values)]
        return Allocation(lengths, lengths, torch.ones(batch, dtype=torch.bool, device=size.device))
