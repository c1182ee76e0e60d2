"""Parallel Gaussian components over AWGN: the best that any code reaches, and the best that linear coding reaches."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linksim.errors import ParameterError, require
from linksim.theory.capacity import awgn_capacity

BISECTIONS = 200
Floats = NDArray[np.float64]


def parallel_gaussian_limit(variances: ArrayLike, snr_db: float, *, uses: float) -> float:
    """The least sum of squared errors of independent Gaussian components, sent in so many complex channel uses (OPTA).

    Reverse water-filling: D = sum of min(v_i, t), where the sum of max(0, log2(v_i / t) / 2) is uses * log2(1 + Es/N0).

    Args:
        variances: v_i, in any shape, not negative.
        snr_db: Es/N0 in dB.
        uses: complex channel uses for all components together.

    Raises `ParameterError` where a variance is negative or no number, or `uses` is negative.
    Source: Kolmogorov 1956; Cover and Thomas, Elements of Information Theory, theorem 10.3.3.

    >>> round(parallel_gaussian_limit([4.0, 1.0], 0.0, uses=1.0), 4)
    2.0
    """
    known, bits = _checked(variances), uses * float(awgn_capacity(snr_db))
    require(uses >= 0, "uses", "not negative", uses)
    if not len(known) or bits == 0:
        return float(known.sum())

    # In logarithms: at a high rate the water stands many orders of magnitude under the variances.
    octaves = np.log2(known)
    low, high = octaves.min() - 2 * bits, float(octaves.max())
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        rate = 0.5 * float(np.maximum(octaves - middle, 0.0).sum())
        low, high = (middle, high) if rate > bits else (low, middle)
    return float(np.minimum(known, 2.0**high).sum())


def linear_coding_limit(variances: ArrayLike, snr_db: float, *, uses: float) -> float:
    """The least sum of squared errors of linear coding: each real channel dimension has a multiple of one component.

    Of k = 2 * uses real dimensions the m with the largest deviations s_i are used, m as large as pays:
    D = (sum of s_i)^2 / (m + k * Es/N0) + the variances that are not sent; the noise of a dimension has unit variance.

    Args and raises as `parallel_gaussian_limit`.
    Source: Lee and Petersen, Optimal Linear Coding for Vector Channels, IEEE Trans. Commun. 24(12), 1976.

    >>> round(linear_coding_limit([4.0, 1.0], 10.0, uses=1.0), 4)
    0.4091
    """
    known = np.sort(_checked(variances))[::-1]
    require(uses >= 0, "uses", "not negative", uses)
    power = 2 * uses * 10 ** (snr_db / 10)
    count = np.arange(1, min(len(known), int(2 * uses)) + 1)
    deviations = np.sqrt(known[: len(count)])
    sums = deviations.cumsum()
    # A component gets power s_i * (m + power) / sum - 1: the last one must get some.
    pays = deviations * (count + power) > sums
    if not pays.any():
        return float(known.sum())
    last = int(pays.nonzero()[0].max())
    return float(sums[last] ** 2 / (count[last] + power) + known[last + 1 :].sum())


def linear_coding_loss_db(variances: ArrayLike) -> float:
    """What linear coding loses against any code where every component has one real dimension and enough SNR, in dB.

    20 log10 of the arithmetic over the geometric mean of the deviations; infinite where one of them is zero.

    Raises `ParameterError` where a variance is negative or no number, or there is none.
    Source: the quotient of `linear_coding_limit` and `parallel_gaussian_limit` where all components are sent.

    >>> round(linear_coding_loss_db([4.0, 1.0]), 4)
    0.5115
    """
    given = np.asarray(variances, dtype=np.float64).ravel()
    require(given.size > 0, "variances", "at least one", given.size)
    known = _checked(given)
    if len(known) < given.size:
        return float("inf")
    deviations = np.sqrt(known)
    return float(20 * (np.log10(deviations.mean()) - np.log10(deviations).mean()))


def _checked(variances: ArrayLike) -> Floats:
    """The variances over zero, flat; those of zero cost nothing and leave no error."""
    known = np.asarray(variances, dtype=np.float64).ravel()
    if not np.isfinite(known).all() or (known < 0).any():
        raise ParameterError(f"'variances' must be numbers of at least 0 (got {known.min() if known.size else known})")
    return known[known > 0]
