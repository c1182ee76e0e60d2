"""One length for all patches of a picture."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.rate.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import PATCH, Flags, Lengths, Size


class FixedAllocation(NamedTuple):
    """k of every patch, alike; whether the target holds."""

    lengths: Lengths
    met: Flags


class FixedRate(Block):
    """The same k for every patch: the largest of V that stays within the target, else the smallest.

    Give `target_cbr`, payload uses over 3*height*width, or `target_cbr_total`, which the header is in too; met where
    it holds: no use is wasted on coming nearer to it from below. The map of k is on the header like any other, and
    costs a few words.

    Shapes: size [batch, 2] in pixels, alike within a batch; lengths [batch, rows, cols] complex uses; met [batch]. No
    gradient: a step function.
    Source: DeepJSCC (Bourtsoulatze et al., 2019) as SA-OOSC, section 4, compares with it.

    Raises:
        ParameterError: not exactly one target is given, or the set is unknown.

    >>> FixedRate(target_cbr=0.0201, rate_set=(8, 15, 32))(size=torch.tensor([[32, 16]])).lengths.tolist()
    [[[15], [15]]]
    """

    def __init__(
        self,
        *,
        target_cbr: float | None = None,
        target_cbr_total: float | None = None,
        rate_set: RateSet = "default",
        header_code_rate: float = 0.5,
    ) -> None:
        super().__init__()
        goals = {"target_cbr": target_cbr, "target_cbr_total": target_cbr_total}
        given = {name: value for name, value in goals.items() if value is not None}
        require(len(given) == 1, "target_cbr", "given, or target_cbr_total, and only one", given)
        name, self.target = next(iter(given.items()))
        require(1e-6 <= self.target <= 10, name, "in 1e-06..10", self.target)
        self.total = target_cbr_total is not None
        self.header_code_rate = header_code_rate
        self.values = rate_values(rate_set)

    def forward(self, size: Size) -> FixedAllocation:
        rows, cols = (int(-(-edge // PATCH)) for edge in size[0].tolist())
        budget = self.target * 3 * float(size[0].prod())
        level = self._highest(rows, cols, budget)
        lengths = torch.full((len(size), rows, cols), self.values[max(level, 0)], device=size.device)
        return FixedAllocation(lengths, torch.full((len(size),), level >= 0, device=size.device))

    def _highest(self, rows: int, cols: int, budget: float) -> int:
        """The highest level that the budget pays for, -1 where it pays for none."""
        for level in range(len(self.values) - 1, -1, -1):
            payload = self.values[level] * rows * cols
            # A header takes a while to code: only of what would fit without.
            if payload <= budget and payload + self._header(level, rows, cols) <= budget:
                return level
        return -1

    def _header(self, level: int, rows: int, cols: int) -> int:
        if not self.total:
            return 0
        # Here, not at the top: the header is built on the rate set, which stands in this folder.
        from linksim.blocks.header.body import header_uses

        levels = torch.full((rows, cols), level).numpy()
        return header_uses(levels, len(self.values), loaded=False, code_rate=self.header_code_rate)
