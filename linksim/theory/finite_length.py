"""What any code of finite length can reach on a BPSK channel with Gaussian noise."""

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
    from scipy.special import ndtr

    capacity, dispersion = bpsk_capacity_and_dispersion(snr_db)
    excess = uses * capacity - information_bits + np.log2(uses) / 2.0
    return ndtr(-excess / np.sqrt(uses * dispersion))
