"""Interval estimates of rates and means."""

import math
from typing import NamedTuple

from scipy.special import betaincinv, stdtrit

CONFIDENCE = 0.95
RELIABLE_FRAMES = 10.0
"""So many effective frames with errors a clustered interval needs: from here on it covers the truth in 93 to 97 % of
sweeps on AWGN and on block Rayleigh fading at 5, 10 and 20 dB, stop rules active (tests/linksim/test_intervals.py)."""
UNRELIABLE = "unreliable"
UPPER_BOUND = "upper bound"


class Interval(NamedTuple):
    """An estimate with its two-sided interval, and what kind of interval that is."""

    estimate: float
    low: float
    high: float
    kind: str

    @property
    def half_width(self) -> float:
        """Half the distance of the two ends; infinite where the interval cannot be trusted."""
        return math.inf if self.kind == UNRELIABLE else (self.high - self.low) / 2


NOTHING = Interval(math.nan, math.nan, math.nan, UNRELIABLE)


def exact_rate(errors: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """A rate of independent trials; without errors, a one-sided upper bound.

    Source: Clopper and Pearson, Biometrika 1934.

    >>> [round(x, 4) for x in exact_rate(3, 100)[:3]], exact_rate(0, 100).kind
    ([0.03, 0.0062, 0.0852], 'upper bound')
    """
    if trials == 0:
        return NOTHING
    tail = (1 - confidence) / 2
    if errors == 0:
        return Interval(0.0, 0.0, 1 - (1 - confidence) ** (1 / trials), UPPER_BOUND)
    low = float(betaincinv(errors, trials - errors + 1, tail))
    high = float(betaincinv(errors + 1, trials - errors, 1 - tail)) if errors < trials else 1.0
    return Interval(errors / trials, low, high, "exact")


def wilson(rate: float, trials: float, quantile: float) -> tuple[float, float]:
    """The ends of the score interval; `trials` may be effective trials, `quantile` that of Student's distribution.

    Source: Wilson, J. Amer. Statist. Assoc. 1927.
    """
    square = quantile * quantile
    centre = (rate * trials + square / 2) / (trials + square)
    half = quantile / (trials + square) * math.sqrt(rate * (1 - rate) * trials + square / 4)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def clustered_rate(
    frames: int, errors: int, trials: int, squares: tuple[int, int, int], confidence: float = CONFIDENCE
) -> Interval:
    """Errors over trials where those of one frame go together, as the bits of a fade do.

    The variance of the ratio is taken between frames; over that of independent trials it gives the effective trials,
    and the effective frames with errors, (sum e)^2 / sum e^2, give the degrees of freedom of a score interval. Without
    errors the bound is that of the frame error rate, which is never below. A rate above 1, as the word error rate may
    have, has the interval of a ratio.

    Args:
        frames: how many frames.
        errors, trials: their sums.
        squares: the sums over frames of errors^2, errors*trials, trials^2.
        confidence: the probability that the interval holds the truth.

    Source: Korn and Graubard, Survey Methodology 1998 (effective trials); Kish, Survey Sampling, 1965.
    """
    if frames == 0 or trials == 0:
        return NOTHING
    if errors == 0:
        return exact_rate(0, frames, confidence)
    if frames == 1:
        return Interval(errors / trials, 0.0, 1.0 if errors <= trials else math.inf, UNRELIABLE)
    rate = errors / trials
    if rate > 1:
        # Not a share: words that were put in count as errors beyond those that were sent.
        return ratio(frames, (errors, trials), squares, confidence)
    errored = errors * errors / squares[0]
    spread = squares[0] - 2 * rate * squares[1] + rate * rate * squares[2]
    variance = max(frames / (frames - 1) * spread, 0.0) / trials**2
    independent = rate * (1 - rate) / trials
    # Frames that are all alike say no more than one trial each.
    effective = trials * (independent / variance) if variance > 0 and independent > 0 else float(frames)
    quantile = _student(min(errored, frames) - 1, confidence)
    low, high = wilson(rate, effective, quantile)
    return Interval(rate, low, high, "by frame" if errored >= RELIABLE_FRAMES else UNRELIABLE)


def student_mean(mean: float, variance: float, freedom: float, kind: str, confidence: float = CONFIDENCE) -> Interval:
    """A mean whose own variance was estimated with so many degrees of freedom.

    Source: Student, Biometrika 1908.
    """
    if freedom < 1 or not math.isfinite(mean):
        return Interval(mean, -math.inf, math.inf, UNRELIABLE)
    half = _student(freedom, confidence) * math.sqrt(max(variance, 0.0))
    return Interval(mean, mean - half, mean + half, kind)


def ratio(count: int, sums: tuple[float, float], squares: tuple[float, float, float],
          confidence: float = CONFIDENCE) -> Interval:  # fmt: skip
    """The ratio of the means of two quantities that were drawn in pairs, linearised.

    Shapes: `sums` of numerators a and denominators b over `count` pairs; `squares` the sums of a^2, a*b, b^2.
    Source: Cochran, Sampling Techniques, 1977, section 6.4.

    >>> [round(x, 3) for x in ratio(3, (6.0, 3.0), (14.0, 6.0, 3.0))[:3]]
    [2.0, -0.484, 4.484]
    """
    if count == 0 or sums[1] == 0:
        return NOTHING
    estimate = sums[0] / sums[1]
    spread = squares[0] - 2 * estimate * squares[1] + estimate**2 * squares[2]
    variance = count / max(count - 1, 1) * spread / sums[1] ** 2
    return student_mean(estimate, variance, count - 1, "ratio", confidence)


def _student(freedom: float, confidence: float) -> float:
    return float(stdtrit(max(freedom, 1.0), (1 + confidence) / 2))
