"""One length for all patches of a picture."""

import torch

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.contract import PAPER_CBR, Allocation, Budget, RateBlock
from linksim.blocks.rate.header_cost import HeaderCost
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.types import Decibels, Entropy, Importance, Score, Size, patches_of


class FixedRate(RateBlock):
    """The same k for every patch: the largest of V that stays within the target, else the smallest.

    Give `target_cbr`, payload uses over 3*height*width (0.0201, SA-OOSC's, where nothing is given), or
    `target_cbr_total`, header included; of that, `reserved` uses are left for what is sent beside the picture, as a
    caption. `target_met` is true whenever the budget holds; the block does not try to fill
    it. The constant rate map adds a few 32-bit words to the header. `rate_set`, `header_code_rate`, `header_fields`,
    `fading` and `header_channels`, the channels that a mask in the header is of, describe the codec, the header and the
    channel; a link fills in those that are None.

    Shapes: size [batch, 2] in pixels, the same within a batch; reserved [batch]; snr_db [batch], the mean SNR, on which
    the header's code rate may depend; lengths and base_rate, which are the same, [batch, rows, cols] complex uses;
    target_met [batch]. No gradient: a step function. Entropy and importance are taken, as by every rate block, and not
    used.
    Source: DeepJSCC (Bourtsoulatze et al., 2019) as SA-OOSC, section 4, compares with it.

    Raises:
        ParameterError: both targets are given, or one is out of range, or the set is unknown.

    >>> FixedRate(target_cbr=0.0201, rate_set=(8, 15, 32))(size=torch.tensor([[32, 16]])).lengths.tolist()
    [[[15], [15]]]
    """

    def __init__(
        self,
        *,
        target_cbr: float | None = None,
        target_cbr_total: float | None = None,
        rate_set: RateSet | None = None,
        header_code_rate: CodeRate | None = None,
        header_fields: tuple[str, ...] | None = None,
        fading: bool | None = None,
        header_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.budget = Budget({"target_cbr": target_cbr, "target_cbr_total": target_cbr_total}, PAPER_CBR)
        self.header_cost = HeaderCost(header_code_rate, header_fields, fading, header_channels)
        self.values = rate_values(rate_set or "default")

    def forward(
        self,
        size: Size,
        entropy: Entropy | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,
        reserved: Score | None = None,
    ) -> Allocation:
        rows, cols = map(patches_of, size[0].tolist())
        snrs = [None] * len(size) if snr_db is None else snr_db.tolist()
        found = [self._highest(rows, cols, *each) for each in zip(self.budget.uses(size, reserved), snrs, strict=True)]
        levels = torch.tensor(found, device=size.device)
        values = torch.tensor(self.values, device=size.device)[levels.clamp_min(0)]
        lengths = values[:, None, None].expand(-1, rows, cols).contiguous()
        return Allocation(lengths, lengths, levels >= 0)

    def _highest(self, rows: int, cols: int, budget: float, snr_db: float | None) -> int:
        """The highest level that the budget pays for, -1 where it pays for none."""
        for level in range(len(self.values) - 1, -1, -1):
            payload = self.values[level] * rows * cols
            # A header takes a while to code: only of what would fit without.
            if payload <= budget and payload + self._header(level, rows, cols, snr_db) <= budget:
                return level
        return -1

    def _header(self, level: int, rows: int, cols: int, snr_db: float | None) -> int:
        if not self.budget.total:
            return 0
        levels = torch.full((rows, cols), level)
        return self.header_cost.uses(levels, levels, len(self.values), snr_db)
