"""How many channel uses each patch gets."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from linksim.block import Block
from linksim.blocks.rate.measured_distortion import PatchErrors
from linksim.blocks.rate.quality import expected_psnr
from linksim.blocks.rate.rate_set import RateSet, rate_values
from linksim.blocks.rate.smoothing import quantize, quantize_smoothly
from linksim.errors import LinksimError, ParameterError, require
from linksim.types import Decibels, Distortion, Entropy, Flags, Importance, Lengths, Size

LEAST_ETA, MOST_ETA = 1e-6, 1e6
MOST_SLOPE_ETA = 1e12
"""Where eta is uses per squared error."""
BISECTIONS = 60
SCAN_STEPS = 96
HEADER_ROUNDS = 8
SHARE_MET = 0.99


class Allocation(NamedTuple):
    """k of every patch; what its content alone would have been given; the eta; whether the target was met."""

    lengths: Lengths
    content: Lengths
    eta: Float[Tensor, "batch"]
    met: Flags


class RateAllocator(Block):
    """k = Q0[eta*e + C2(I)]: C2 is +alpha for high, -alpha for low importance, else 0; Q0 rounds to the nearest of V,
    ties up.

    Give `eta`, or one target that is solved for each picture. `target_cbr` (payload uses over 3*height*width) and
    `target_cbr_total` (header too) are met from below, with the largest eta that stays under; both need the port
    `size`.
    `target_psnr` (dB over the whole picture, as foreseen for AWGN at `snr_db`) is met with the smallest eta that
    reaches it, and needs the ports `distortion` and `snr_db`.

    `met` says whether 0.99*target <= value <= target held (PSNR: foreseen value >= target). One eta serves all patches:
    where V is too coarse for that, as in a picture of few patches, the nearest value from below is given and `met` is
    false; where a PSNR is out of reach, the best allocation is given.

    With `importance_weights`, one for each label, instead of C2, the lengths are those of equal slope: each patch gets
    the v of V that minimises w*D(v) + v/eta, D(v) the error that the port `errors` foresees at each of V. So for
    any sum of lengths the weighted error is the least there is. Needs that port, as from `MeasuredDistortion`.

    `map_smoothing` in 0..1 keeps a neighbour's level where the wish is within that share of half a step past the
    threshold. `header_code_rate`, `header_loading` and `header_content` tell target_cbr_total what header will be sent.

    `content` is Q0[eta*e], or with slopes the lengths as if all were background: a receiver that is told both knows
    what a patch holds from how much it got for mattering.

    Shapes: entropy [batch, rows, cols] bits; importance likewise; size [batch, 2]; snr_db [batch]; errors [batch, rows,
    cols, levels]; lengths and content [batch, rows, cols] complex uses; eta [batch]; met [batch] bool. No gradient: a
    step function.
    Source: SA-OOSC eqs. 1, 14, 15, 16; slopes, Shoham and Gersho, IEEE Trans. ASSP 1988.

    Raises:
        ParameterError: a parameter is out of range, or not exactly one of eta and the targets is given.
        LinksimError: a port that the target needs is not connected.

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
        alpha: float = 8.0,
        importance_weights: tuple[float, float, float, float] | None = None,
        rate_set: RateSet = "default",
        map_smoothing: float = 0.0,
        header_code_rate: float = 0.5,
        header_loading: bool = True,
        header_content: bool = False,
    ) -> None:
        super().__init__()
        goals = {"eta": eta, "target_cbr": target_cbr, "target_cbr_total": target_cbr_total, "target_psnr": target_psnr}
        given = {name: value for name, value in goals.items() if value is not None}
        require(len(given) == 1, "eta", f"given, or one of {', '.join(list(goals)[1:])}, and only one", given)
        self.goal, self.value = next(iter(given.items()))
        limits = {
            "eta": (LEAST_ETA, MOST_ETA if importance_weights is None else MOST_SLOPE_ETA),
            "target_psnr": (1.0, 100.0),
        }
        low, high = limits.get(self.goal, (1e-6, 10.0))
        require(low <= self.value <= high, self.goal, f"in {low:g}..{high:g}", self.value)
        require(0 <= alpha <= 1e4, "alpha", "in 0..10000 complex uses", alpha)
        require(0 <= map_smoothing <= 1, "map_smoothing", "in 0..1", map_smoothing)
        self.alpha, self.map_smoothing = alpha, map_smoothing
        self.importance_weights = checked_weights(importance_weights)
        if importance_weights is not None:
            require(map_smoothing == 0, "map_smoothing", "0 where importance_weights are given", map_smoothing)
        self.most_eta = MOST_ETA if importance_weights is None else MOST_SLOPE_ETA
        self.header_code_rate = header_code_rate
        self.header_loading, self.header_content = header_loading, header_content
        self.register_buffer("values", torch.tensor(rate_values(rate_set)), persistent=False)

    def forward(
        self,
        entropy: Entropy,
        importance: Importance | None = None,
        size: Size | None = None,
        distortion: Distortion | None = None,
        snr_db: Decibels | None = None,
        errors: PatchErrors | None = None,
    ) -> Allocation:
        if (
            importance is not None
            and importance.numel()
            and not 0 <= int(importance.min()) <= int(importance.max()) <= 3
        ):
            raise ParameterError(f"'importance' must hold labels 0 to 3 (got up to {int(importance.max())})")
        if self.importance_weights is not None and errors is None:
            raise LinksimError("importance_weights need the port 'errors'; connect a MeasuredDistortion's")
        count = len(self.get_buffer("values"))
        if errors is not None and errors.shape[-1] != count:
            raise ParameterError(f"'errors' must foresee each of the {count} lengths of V (got {errors.shape[-1]})")
        labels = (
            torch.zeros(entropy.shape, dtype=torch.int64, device=entropy.device) if importance is None else importance
        )
        lengths: list[Tensor] = []
        contents: list[Tensor] = []
        etas: list[float] = []
        good_ones: list[bool] = []
        for i in range(len(entropy)):
            expected = None if errors is None else errors[i]
            content_at = self._levels_at(entropy[i].detach(), torch.zeros_like(labels[i]), expected)
            levels_at = self._levels_at(entropy[i].detach(), labels[i], expected)
            cost = self._cost(i, size, distortion, snr_db)
            eta, good = self._solve(levels_at, content_at, cost)
            lengths.append(self.get_buffer("values")[levels_at(eta)])
            contents.append(self.get_buffer("values")[content_at(eta)])
            etas.append(eta)
            good_ones.append(good)
        eta, met = (torch.tensor(x, device=entropy.device) for x in (etas, good_ones))
        return Allocation(torch.stack(lengths), torch.stack(contents), eta, met)

    def _levels_at(self, entropy: Tensor, labels: Tensor, errors: Tensor | None) -> Callable[[float], Tensor]:
        """The levels of one picture by eta."""
        values = self.get_buffer("values")
        if self.importance_weights is not None:
            assert errors is not None
            weights = torch.tensor(self.importance_weights, dtype=torch.float64, device=labels.device)
            weighted = weights[labels][..., None] * errors.detach()
            return lambda eta: (weighted * eta + values).argmin(-1)
        extra = entropy.new_tensor([0.0, -self.alpha, 0.0, self.alpha])[labels]
        if self.map_smoothing:
            return lambda eta: quantize_smoothly(eta * entropy + extra, values, self.map_smoothing)
        return lambda eta: quantize(eta * entropy + extra, values)

    def _cost(
        self, index: int, size: Tensor | None, distortion: Distortion | None, snr_db: Tensor | None
    ) -> Callable[[Tensor], float]:
        values = self.get_buffer("values")
        if self.goal == "target_psnr":
            if distortion is None or snr_db is None:
                raise LinksimError("target_psnr needs the ports 'distortion' and 'snr_db'; connect them")
            return lambda levels: expected_psnr(distortion, index, levels, values, float(snr_db[index]))
        if self.goal == "eta":
            return lambda _: 0.0
        if size is None:
            raise LinksimError(f"{self.goal} needs the port 'size'; connect the Tokenizer's")
        dimensions = 3.0 * float(size[index].prod())
        return lambda levels: float(values[levels].sum()) / dimensions

    def _header_cbr(self, levels: Tensor, content: Tensor, cost: Callable[[Tensor], float]) -> float:
        # Here, not at the top: the header is built on the rate set, which stands in this folder.
        from linksim.blocks.header.body import header_uses

        count = len(self.get_buffer("values"))
        uses = header_uses(
            levels.cpu().numpy(),
            count,
            self.header_loading,
            self.header_code_rate,
            content.cpu().numpy() if self.header_content else None,
        )
        return uses * cost(levels) / float(self.get_buffer("values")[levels].sum())

    def _solve(
        self,
        levels_at: Callable[[float], Tensor],
        content_at: Callable[[float], Tensor],
        cost: Callable[[Tensor], float],
    ) -> tuple[float, bool]:
        if self.goal == "eta":
            return self.value, True
        if self.goal == "target_cbr_total":
            return self._solve_total(levels_at, content_at, cost)
        if self.goal == "target_psnr":
            return self._solve_psnr(levels_at, cost)
        below, _ = bisect(levels_at, cost, self.value, high=self.most_eta)
        reached = cost(levels_at(below))
        return below, SHARE_MET * self.value <= reached <= self.value

    def _solve_psnr(
        self, levels_at: Callable[[float], Tensor], quality: Callable[[Tensor], float]
    ) -> tuple[float, bool]:
        # Quality need not rise all the way with the rate: find the first stretch in which the target is passed.
        grid = [LEAST_ETA * (self.most_eta / LEAST_ETA) ** (i / SCAN_STEPS) for i in range(SCAN_STEPS + 1)]
        qualities: list[float] = []
        for i, eta in enumerate(grid):
            qualities.append(quality(levels_at(eta)))
            if qualities[-1] >= self.value:
                low = grid[max(i - 1, 0)]
                return bisect(levels_at, lambda levels: quality(levels) - 1e-9, self.value, low, eta)[1], True
        return grid[max(range(len(grid)), key=qualities.__getitem__)], False

    def _solve_total(
        self,
        levels_at: Callable[[float], Tensor],
        content_at: Callable[[float], Tensor],
        cost: Callable[[Tensor], float],
    ) -> tuple[float, bool]:
        # The header's cost depends on the map, but weakly: give the payload what the last header left over.
        share, best = self.value, (LEAST_ETA, False)
        reached = -1.0
        for _ in range(HEADER_ROUNDS):
            eta = bisect(levels_at, cost, share, high=self.most_eta)[0]
            levels = levels_at(eta)
            header = self._header_cbr(levels, content_at(eta), cost)
            total = cost(levels) + header
            if reached < total <= self.value:
                reached, best = total, (eta, total >= SHARE_MET * self.value)
            if SHARE_MET * self.value <= total <= self.value:
                break
            share = self.value - header - max(total - self.value, 0.0) / 2
            if share <= 0:
                break
        return best


def checked_weights(
    weights: Sequence[float] | None,
) -> tuple[float, ...] | None:
    """A weight for each label 0 to 3. Raises `ParameterError` where it is none."""
    if weights is None:
        return None
    good = len(weights) == 4 and all(isinstance(w, int | float) and 0 < w < 1e6 for w in weights)
    require(good, "importance_weights", "four positive numbers, for background, low, medium and high", weights)
    return tuple(float(w) for w in weights)


def bisect(
    levels_at: Callable[[float], Tensor],
    cost: Callable[[Tensor], float],
    target: float,
    low: float = LEAST_ETA,
    high: float = MOST_ETA,
) -> tuple[float, float]:
    """The largest eta found whose cost stays at or under the target, and the smallest found over it."""
    if cost(levels_at(high)) <= target:
        return high, high
    for _ in range(BISECTIONS):
        middle = (low * high) ** 0.5
        if cost(levels_at(middle)) <= target:
            low = middle
        else:
            high = middle
    return low, high
