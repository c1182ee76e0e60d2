"""What any code of finite length can reach on a channel with Gaussian noise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NODES = 120


def bpsk_capacity_and_dispersion(snr_db: ArrayLike) -> tuple[Floats, Floats]:
    """Capacity in bits and dispersion in bits^2 per complex use of BPSK at Es/N0 = snr_db, complex noise.

    The information density is 1 - log2(1 + exp(-4 s (s + z))), s^2 = Es/N0, z ~ N(0, 1/2).
    Source: Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 2010, section IV.

    >>> [float(v.round(3)) for v in bpsk_capacity_and_dispersion(0.0)]
    [0.721, 0.533]
    """
    snr = 10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10.0)[..., None]
    nodes, weights = np.polynomial.hermite.hermgauss(NODES)
    weights = weights / np.sqrt(np.pi)
    density = 1.0 - np.logaddexp(0.0, -4.0 * np.sqrt(snr) * (np.sqrt(snr) + nodes)) / np.log(2.0)
    capacity = (weights * density).sum(-1)
    return capacity, (weights * density**2).sum(-1) - capacity**2


def bpsk_normal_approximation(snr_db: ArrayLike, *, information_bits: float, uses: int) -> Floats:
    """Frame error rate of the best code: Q((n C - k + log2(n)/2) / sqrt(n V)).

    Source: Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 2010, eq. 296.

    >>> float(bpsk_normal_approximation(-2.0, information_bits=500, uses=1000).round(3))
    0.004
    """
    return _normal_approximation(*bpsk_capacity_and_dispersion(snr_db), information_bits, uses)


def awgn_capacity_and_dispersion(snr_db: ArrayLike) -> tuple[Floats, Floats]:
    """Capacity in bits and dispersion in bits^2 per complex use of AWGN at Es/N0 = snr_db, any input of that power.

    V = snr (snr + 2) / (snr + 1)^2 * log2(e)^2: two real dimensions of the real channel's.
    Source: Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 2010, eq. 293.

    >>> [float(v.round(3)) for v in awgn_capacity_and_dispersion(0.0)]
    [1.0, 1.561]
    """
    snr = 10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10.0)
    return np.log2(1.0 + snr), snr * (snr + 2.0) / (snr + 1.0) ** 2 * np.log2(np.e) ** 2


def awgn_normal_approximation(snr_db: ArrayLike, *, information_bits: float, uses: int) -> Floats:
    """Frame error rate of the best code of that many complex uses: Q((n C - k + log2(n)/2) / sqrt(n V)).

    Source: Polyanskiy, Poor and Verdu, IEEE Trans. Inf. Theory 2010, eq. 296, n real dimensions = 2 * uses.

    >>> float(awgn_normal_approximation(0.0, information_bits=450, uses=500).round(4))
    0.0245
    """
    return _normal_approximation(*awgn_capacity_and_dispersion(snr_db), information_bits, uses, 2 * uses)


def _normal_approximation(
    capacity: Floats, dispersion: Floats, information_bits: float, uses: int, dimensions: int | None = None
) -> Floats:
    from scipy.special import ndtr

    excess = uses * capacity - information_bits + np.log2(dimensions or uses) / 2.0
    return ndtr(-excess / np.sqrt(uses * dispersion))
