"""What an allocation aims at, and the search for the eta that gets there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from linksim.blocks.rate.contract import PAPER_CBR
from linksim.errors import require

MIN_ETA, MAX_ETA = 1e-6, 1e6
MAX_LAGRANGIAN_ETA = 1e12
"""Where eta is uses per squared error."""
BISECTIONS = 60
SCAN_STEPS = 96
HEADER_ROUNDS = 8
SHARE_MET = 0.99
NEXT_ETA = 1 + 1e-9
"""What eta is multiplied by to pass the point at which patches change."""

LevelsAt = Callable[[float], Tensor]
"""From eta to the levels of one picture, int64 [rows, cols]."""


@dataclass(frozen=True)
class Picture:
    """One picture as the search sees it: its levels, and the levels of its content alone, by eta; the CBR of the
    payload by levels; the CBR of the header by both kinds of levels; the PSNR in dB that levels will give."""

    levels_at: LevelsAt
    content_at: LevelsAt
    payload: Callable[[Tensor], float]
    header: Callable[[Tensor, Tensor], float]
    quality: Callable[[Tensor], float]


@dataclass(frozen=True)
class Goal:
    """An eta, or a target for which it is found; see `RateAllocator`."""

    name: str
    value: float
    most_eta: float

    @staticmethod
    def of(goals: Mapping[str, float | None], most_eta: float) -> "Goal":
        """The one goal that is given; the CBR of SA-OOSC's paper where there is none.

        Raises `ParameterError` where several are given, or one is out of range.
        """
        given = {name: value for name, value in goals.items() if value is not None} or {"target_cbr": PAPER_CBR}
        require(len(given) == 1, "eta", f"given, or one of {', '.join(list(goals)[1:])}, and only one", given)
        name, value = next(iter(given.items()))
        low, high = {"eta": (MIN_ETA, most_eta), "target_psnr": (1.0, 100.0)}.get(name, (1e-6, 10.0))
        require(low <= value <= high, name, f"in {low:g}..{high:g}", value)
        return Goal(name, value, most_eta)

    def solve(self, picture: Picture) -> tuple[float, bool]:
        """The eta, and whether the target is met."""
        if self.name == "eta":
            return self.value, True
        if self.name == "target_cbr_total":
            return self._solve_total(picture)
        if self.name == "target_psnr":
            return self._solve_psnr(picture)
        eta, _ = bisect(lambda eta: picture.payload(picture.levels_at(eta)), self.value, high=self.most_eta)
        return eta, self.is_met(self.cost(picture, picture.levels_at(eta), picture.content_at(eta)))

    def cost(self, picture: Picture, levels: Tensor, content: Tensor) -> float:
        """The CBR that is aimed at."""
        header = picture.header(levels, content) if self.name == "target_cbr_total" else 0.0
        return picture.payload(levels) + header

    def is_met(self, cbr: float) -> bool:
        """Whether a CBR is the one aimed at, from below."""
        return SHARE_MET * self.value <= cbr <= self.value

    def fill(self, picture: Picture, eta: float, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The levels at the largest eta from this one on that the target allows, and those of the content alone. Of the
        patches that change there, as many as the target allows are raised, one after the other, the important ones
        first."""
        eta, _ = bisect(
            lambda x: self.cost(picture, picture.levels_at(x), picture.content_at(x)), self.value, eta, self.most_eta
        )
        levels, content = picture.levels_at(eta), picture.content_at(eta)
        above, content_above = picture.levels_at(eta * NEXT_ETA), picture.content_at(eta * NEXT_ETA)
        order = labels.flatten().argsort(descending=True, stable=True)
        order = order[(above != levels).flatten()[order]]

        def raised(count: int) -> tuple[Tensor, Tensor]:
            at = torch.zeros_like(levels, dtype=torch.bool).flatten()
            at[order[:count]] = True
            at = at.view_as(levels)
            return torch.where(at, above, levels), torch.where(at, content_above, content)

        low, high = 0, len(order)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.cost(picture, *raised(middle)) <= self.value
            low, high = (middle, high) if fits else (low, middle - 1)
        return raised(low)

    def _solve_psnr(self, picture: Picture) -> tuple[float, bool]:
        # Quality need not rise all the way with the rate: find the first stretch in which the target is passed.
        grid = [MIN_ETA * (self.most_eta / MIN_ETA) ** (i / SCAN_STEPS) for i in range(SCAN_STEPS + 1)]
        qualities: list[float] = []
        for i, eta in enumerate(grid):
            qualities.append(picture.quality(picture.levels_at(eta)))
            if qualities[-1] >= self.value:
                low = grid[max(i - 1, 0)]
                under = bisect(lambda x: picture.quality(picture.levels_at(x)) - 1e-9, self.value, low, eta)
                return under[1], True
        return grid[max(range(len(grid)), key=qualities.__getitem__)], False

    def _solve_total(self, picture: Picture) -> tuple[float, bool]:
        # The header's cost depends on the map, but weakly: give the payload what the last header left over.
        share, best, reached = self.value, (MIN_ETA, False), -1.0
        for _ in range(HEADER_ROUNDS):
            eta = bisect(lambda eta: picture.payload(picture.levels_at(eta)), share, high=self.most_eta)[0]
            levels = picture.levels_at(eta)
            header = picture.header(levels, picture.content_at(eta))
            total = picture.payload(levels) + header
            if reached < total <= self.value:
                reached, best = total, (eta, self.is_met(total))
            if self.is_met(total):
                break
            share = self.value - header - max(total - self.value, 0.0) / 2
            if share <= 0:
                break
        return best


def bisect(
    cost: Callable[[float], float], target: float, low: float = MIN_ETA, high: float = MAX_ETA
) -> tuple[float, float]:
    """The largest eta found whose cost stays at or under the target, and the smallest found over it."""
    if cost(high) <= target:
        return high, high
    for _ in range(BISECTIONS):
        middle = (low * high) ** 0.5
        if cost(middle) <= target:
            low = middle
        else:
            high = middle
    return low, high
