"""Capacities in bits per complex channel use, as functions of Es/N0 in dB."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linksim.errors import ParameterError, nearest, require
from linksim.theory.bit_error_rate import BITS_PER_USE

Floats = NDArray[np.float64]
NODES = 160


def awgn_capacity(snr_db: ArrayLike) -> Floats:
    """log2(1 + Es/N0), any input of that power.

    Source: Shannon, Bell Syst. Tech. J. 1948.

    >>> float(awgn_capacity(10.0).round(3))
    3.459
    """
    return np.log2(1.0 + _linear(snr_db))


def constellation_capacity(snr_db: ArrayLike, *, modulation: str = "bpsk") -> Floats:
    """Mutual information over AWGN of equally likely BPSK or square QAM points.

    A QAM symbol is two independent amplitudes, each with half the energy and half the noise.
    Source: Ungerboeck, IEEE Trans. Inf. Theory 1982, eq. 5; the expectation over the noise by Gauss and Hermite.

    Raises:
        ParameterError: the modulation is unknown.

    >>> float(constellation_capacity(0.0).round(3)), float(constellation_capacity(10.0, modulation="16qam").round(2))
    (0.721, 3.16)
    """
    if modulation not in BITS_PER_USE:
        raise ParameterError(f"no modulation '{modulation}'; {nearest(modulation, BITS_PER_USE)}")
    dimensions = 1 if modulation == "bpsk" else 2
    count = 2 ** (BITS_PER_USE[modulation] // dimensions)
    points = np.arange(1 - count, count, 2, dtype=np.float64)
    points /= np.sqrt(np.mean(points**2))
    # Noise N(0, 1/2) per dimension at N0 = 1; an amplitude has Es or, where there are two, Es/2.
    amplitude = np.sqrt(_linear(snr_db) / dimensions)[..., None, None, None]
    nodes, weights = np.polynomial.hermite.hermgauss(NODES)
    sent, other = points[:, None, None], points[None, :, None]
    shift = amplitude * (sent - other)
    exponent = -(shift**2) - 2.0 * shift * nodes
    lost = np.log2(np.exp(exponent - exponent.max(-2, keepdims=True)).sum(-2)) + exponent.max(-2) / np.log(2.0)
    return dimensions * (np.log2(count) - (lost * weights).sum(-1).mean(-1) / np.sqrt(np.pi))


def rayleigh_ergodic_capacity(snr_db: ArrayLike) -> Floats:
    """E log2(1 + |h|^2 Es/N0) over fast Rayleigh fading that the receiver knows.

    Source: Alouini and Goldsmith, IEEE Trans. Veh. Technol. 1999, eq. 34: e^(1/g) E1(1/g) / ln 2.

    >>> float(rayleigh_ergodic_capacity(10.0).round(3))
    2.907
    """
    from scipy.special import exp1

    inverse = 1.0 / _linear(snr_db)
    # e^x E1(x) runs over and under for large x, where its expansion is exact to 1e-12.
    large = inverse > 200.0
    safe = np.where(large, 1.0, inverse)
    expansion = sum((-1) ** n * float(np.prod(np.arange(1, n + 1))) / np.where(large, inverse, 1e3) ** (n + 1)
                    for n in range(8))  # fmt: skip
    return np.where(large, expansion, np.exp(safe) * exp1(safe)) / np.log(2.0)


def rayleigh_outage_capacity(snr_db: ArrayLike, *, outage: float) -> Floats:
    """The rate that slow Rayleigh fading falls short of with probability `outage`.

    Source: Tse and Viswanath, Fundamentals of Wireless Communication, eq. 5.57.

    Raises:
        ParameterError: `outage` is not in (0, 1).

    >>> float(rayleigh_outage_capacity(10.0, outage=0.1).round(3))
    1.038
    """
    require(0 < outage < 1, "outage", "in (0, 1)", outage)
    return np.log2(1.0 - np.log1p(-outage) * _linear(snr_db))


def rayleigh_outage_probability(snr_db: ArrayLike, *, rate: float) -> Floats:
    """How often log2(1 + |h|^2 Es/N0) is below a rate in bits per use.

    Source: Tse and Viswanath, Fundamentals of Wireless Communication, eq. 5.54.

    >>> float(rayleigh_outage_probability(10.0, rate=1.0).round(4))
    0.0952
    """
    require(rate > 0, "rate", "positive", rate)
    return -np.expm1(-(2.0**rate - 1.0) / _linear(snr_db))


def _linear(snr_db: ArrayLike) -> Floats:
    return 10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10.0)
