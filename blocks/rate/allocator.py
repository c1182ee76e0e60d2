"""The rate of SA-OOSC's paper: by entropy, and more or less by importance."""

from torch import Tensor

from linksim.blocks.header.code_rate import CodeRate
from linksim.blocks.rate.goal import MAX_ETA, LevelsAt
from linksim.blocks.rate.quality import expected_psnr
from linksim.blocks.rate.smoothing import quantize, quantize_smoothly
from linksim.blocks.rate.solved import SolvedAllocation, SolvedRate
from linksim.blocks.rate_set import RateSet
from linksim.errors import LinksimError, require
from linksim.types import Decibels, Distortion, Entropy, Importance, Size

DEFAULT_ALPHA = 8.0
"""Of 0, 8 and 16 complex uses the one with the best non-background patches on street scenes."""


class RateAllocator(SolvedRate):
    """k = Q0[eta*e + C2(I)]: C2 is +alpha for high, -alpha for low importance, else 0; Q0 rounds to the nearest of V,
    ties up.

    Give `eta`, or one target for which it is found for each picture: `target_cbr` (payload uses over 3*height*width;
    0.0201, the paper's, where nothing is given) or `target_cbr_total` (header included), both met from below with the
    largest eta that stays under; or `target_psnr` (dB over the whole picture, as predicted for AWGN at `snr_db`), met
    with the smallest eta that reaches it. The first two need the port `size`, the last the ports `distortion` and
    `snr_db`.

    `target_met` says whether 0.99*target <= value <= target holds (PSNR: predicted value >= target). One eta serves all
    patches: where V is too coarse for that, as in a picture of few patches, the nearest value from below is given and
    `target_met` is false; where a PSNR is out of reach, the best allocation is given.

    `map_smoothing` in 0..1 keeps a neighbour's level where the wish is within that share of half a step past the
    threshold. `rate_set`, `header_code_rate`, `header_fields` ("power_loading", "base_rate", "channels":
    what the header carries beside k) and `fading` describe the codec, the header and the channel; a link fills in those
    that are None.

    `base_rate` is Q0[eta*e]: a receiver that knows both maps knows how much a patch gained by its importance.

    Shapes: entropy [batch, rows, cols] bits; importance likewise; size [batch, 2]; snr_db [batch]; lengths and
    base_rate [batch, rows, cols] complex uses; target_met [batch] bool; eta [batch]. No gradient: a step function.
    Source: SA-OOSC eqs. 1, 14, 15, 16.

    Raises:
        ParameterError: a parameter is out of range, or several of eta and the targets are given.
        LinksimError: a port that the target needs is not connected.

    >>> import torch
    >>> e, size = torch.tensor([[[2.0, 40.0]]]), torch.tensor([[16, 32]])
    >>> RateAllocator(target_cbr=0.04)(entropy=e, size=size).lengths.tolist()
    [[[4, 48]]]
    """

    def __init__(
        self,
        *,
        eta: float | None = None,
        target_cbr: float | None = None,
        target_cbr_total: float | None = None,
        target_psnr: float | None = None,
        alpha: float = DEFAULT_ALPHA,
        map_smoothing: float = 0.0,
        rate_set: RateSet | None = None,
        header_code_rate: CodeRate | None = None,
        header_fields: tuple[str, ...] | None = None,
        fading: bool | None = None,
    ) -> None:
        goals = {"eta": eta, "target_cbr": target_cbr, "target_cbr_total": target_cbr_total, "target_psnr": target_psnr}
        super().__init__(
            goals=goals,
            most_eta=MAX_ETA,
            fills=False,
            rate_set=rate_set,
            header_code_rate=header_code_rate,
            header_fields=header_fields,
            fading=fading,
        )
        require(0 <= alpha <= 1e4, "alpha", "in 0..10000 complex uses", alpha)
        require(0 <= map_smoothing <= 1, "map_smoothing", "in 0..1", map_smoothing)
        self.alpha, self.map_smoothing = alpha, map_smoothing

    def forward(
        self,
        entropy: Entropy,
        importance: Importance | None = None,
        size: Size | None = None,
        snr_db: Decibels | None = None,
        distortion: Distortion | None = None,
    ) -> SolvedAllocation:
        if self.goal.name == "target_psnr" and (distortion is None or snr_db is None):
            raise LinksimError("target_psnr needs the ports 'distortion' and 'snr_db'; connect them")

        def rule(index: int, labels: Tensor) -> LevelsAt:
            return self._levels_at(entropy[index].detach(), labels)

        def quality(index: int, levels: Tensor) -> float:
            assert distortion is not None
            assert snr_db is not None
            return expected_psnr(distortion, index, levels, self.get_buffer("values"), float(snr_db[index].detach()))

        return self.allocate(rule, entropy.shape, entropy.device, importance, size, snr_db, quality)

    def _levels_at(self, entropy: Tensor, labels: Tensor) -> LevelsAt:
        values = self.get_buffer("values")
        extra = entropy.new_tensor([0.0, -self.alpha, 0.0, self.alpha])[labels]
        if self.map_smoothing:
            return lambda eta: quantize_smoothly(eta * entropy + extra, values, self.map_smoothing)
        return lambda eta: quantize(eta * entropy + extra, values)
