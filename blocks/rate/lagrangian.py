"""The rate that minimises the importance-weighted error."""

from collections.abc import Sequence

import torch
from torch import Tensor

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.goal import MAX_LAGRANGIAN_ETA, LevelsAt
from linksim.blocks.rate.measured_distortion import DEFAULT_TABLE, MeasuredDistortion
from linksim.blocks.rate.solved import SolvedAllocation, SolvedRate
from linksim.blocks.rate_set import RateSet
from linksim.errors import ParameterError, require
from linksim.types import Decibels, Entropy, Importance, Size

PAPER_WEIGHTS = (1.0, 2.0, 4.0, 8.0)
"""2^I for the labels 0 to 3, as SA-OOSC weighs patches in its loss."""
Weights = tuple[float, float, float, float]


class LagrangianRateAllocator(SolvedRate):
    """Each patch gets the v of V that minimises w*D(v) + v/eta, D(v) the error that is predicted for it at v.

    For every total of channel uses this minimises the sum of w*D over all patches: rates of equal slope. The weight w
    of a patch is that of its importance label in `importance_weights`, for background, low, medium and high. D comes
    from `MeasuredDistortion` with the table `distortion`, by the patch's entropy and the mean SNR.

    Give `eta`, in uses per squared error, or one target for which it is found for each picture: `target_cbr` (payload
    uses over 3*height*width; 0.0201, SA-OOSC's, where nothing is given) or `target_cbr_total` (header included), met
    from below. `target_met` says whether 0.99*target <= value <= target holds. Where the target falls among patches
    that change at the same eta, as many of these patches are raised as the target allows, the important ones first.

    `rate_set`, `header_code_rate`, `header_fields` ("power_loading", "base_rate", "channels": what the header
    carries beside k), `fading` and `distortion` describe the codec, the header and the channel; a link fills in those
    that are None.

    `base_rate` is the allocation as if all patches were background: a receiver that knows both maps knows how much a
    patch gained by its importance.

    Shapes: entropy [batch, rows, cols] bits; importance likewise; size [batch, 2]; snr_db [batch]; lengths and
    base_rate [batch, rows, cols] complex uses; target_met [batch] bool; eta [batch]. No gradient: a step function.
    Source: Shoham and Gersho, IEEE Trans. ASSP 1988; the weights, SA-OOSC eq. 13.

    Raises:
        ParameterError: a parameter is out of range, several of eta and the targets are given, or the table of
            distortion is of another count of lengths than V.
        LinksimError: a target needs the port `size`, which is not connected.

    >>> e, size, snr = torch.tensor([[[20.0, 300.0]]]), torch.tensor([[16, 32]]), torch.tensor([10.0])
    >>> LagrangianRateAllocator(target_cbr=0.04)(entropy=e, size=size, snr_db=snr).lengths.tolist()
    [[[8, 48]]]
    """

    def __init__(
        self,
        *,
        eta: float | None = None,
        target_cbr: float | None = None,
        target_cbr_total: float | None = None,
        importance_weights: Weights = PAPER_WEIGHTS,
        distortion: str | None = None,
        rate_set: RateSet | None = None,
        header_code_rate: CodeRate | None = None,
        header_fields: tuple[str, ...] | None = None,
        fading: bool | None = None,
    ) -> None:
        super().__init__(
            goals={"eta": eta, "target_cbr": target_cbr, "target_cbr_total": target_cbr_total},
            most_eta=MAX_LAGRANGIAN_ETA,
            fills=True,
            rate_set=rate_set,
            header_code_rate=header_code_rate,
            header_fields=header_fields,
            fading=fading,
        )
        self.importance_weights = checked_weights(importance_weights)
        self.predicted = MeasuredDistortion(table=distortion or DEFAULT_TABLE)

    def forward(
        self, entropy: Entropy, snr_db: Decibels, importance: Importance | None = None, size: Size | None = None
    ) -> SolvedAllocation:
        values = self.get_buffer("values")
        weights = torch.tensor(self.importance_weights, dtype=torch.float64, device=entropy.device)
        errors = self.predicted(entropy=entropy, snr_db=snr_db)
        if errors.shape[-1] != len(values):
            raise ParameterError(
                f"'distortion' must be a table for each of the {len(values)} lengths of V (got one for "
                f"{errors.shape[-1]})"
            )

        def rule(index: int, labels: Tensor) -> LevelsAt:
            weighted = weights[labels][..., None] * errors[index]
            return lambda eta: (weighted * eta + values).argmin(-1)

        return self.allocate(rule, entropy.shape, entropy.device, importance, size, snr_db)


def checked_weights(weights: Sequence[float]) -> tuple[float, ...]:
    """A weight for each label 0 to 3. Raises `ParameterError` where it is none."""
    good = len(weights) == 4 and all(isinstance(w, int | float) and 0 < w < 1e6 for w in weights)
    require(good, "importance_weights", "four positive numbers, for background, low, medium and high", weights)
    return tuple(float(w) for w in weights)
