"""How well a preamble can be found, and how well delay, frequency and phase can be estimated from known symbols."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linksim.errors import require

Floats = NDArray[np.float64]


def detection_threshold(false_alarm: float, symbols: int) -> float:
    """The normalised correlation |p^H x|^2 / (|p|^2 |x|^2) that white noise x crosses with this probability.

    Under noise alone it has the beta distribution (1, N - 1): P(> t) = (1 - t)^(N - 1), whatever the noise's power.
    Source: Kay, Fundamentals of Statistical Signal Processing II, section 9.5.

    Raises `ParameterError` where the probability is not in (0, 1) or there are fewer than 2 symbols.

    >>> round(detection_threshold(1e-3, 101), 4)
    0.0667
    """
    require(0 < false_alarm < 1, "false_alarm", "in (0, 1)", false_alarm)
    require(symbols >= 2, "symbols", "at least 2", symbols)
    return -math.expm1(math.log(false_alarm) / (symbols - 1))


def detection_probability(snr_db: ArrayLike, threshold: float, symbols: int) -> Floats:
    """The probability that a preamble in white noise, at the right place and frequency, crosses a threshold.

    `snr_db` is Es/N0. The ratio of the signal's to the rest's power has a noncentral F distribution of 2 and 2 (N - 1)
    degrees of freedom and noncentrality 2 N Es/N0. Source: Kay, section 9.5.

    >>> float(detection_probability(-10.0, 0.1, 127).round(3))
    0.442
    """
    from scipy.stats import ncf

    linear = 10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10)
    ratio = threshold / (1 - threshold) * (symbols - 1)
    return np.asarray(ncf.sf(ratio, 2, 2 * (symbols - 1), 2 * symbols * linear))


def phase_bound(snr_db: ArrayLike, symbols: int) -> Floats:
    """The Cramér-Rao bound of a carrier phase's variance in rad^2, from N known symbols, frequency known.

    1 / (2 N SNR). Source: Mengali and D'Andrea, Synchronization Techniques for Digital Receivers, section 2.4.

    >>> float(phase_bound(0.0, 50))
    0.01
    """
    return 1 / (2 * symbols * _linear(snr_db))


def frequency_bound(snr_db: ArrayLike, symbols: int) -> Floats:
    """The Cramér-Rao bound of a frequency's variance in (cycles per symbol)^2, phase unknown.

    6 / ((2 pi)^2 SNR N (N^2 - 1)). Source: Rife and Boorstyn, IEEE Trans. Inf. Theory 1974, with N0 per complex sample.

    >>> float(frequency_bound(0.0, 100).round(10))
    1.52e-07
    """
    return 6 / ((2 * math.pi) ** 2 * _linear(snr_db) * symbols * (symbols**2 - 1))


def timing_bound(snr_db: ArrayLike, symbols: int, roll_off: float) -> Floats:
    """The Cramér-Rao bound of a delay's variance in symbols^2, root-raised-cosine pulses, phase known or not.

    1 / (2 N SNR b), where b = pi^2/3 + roll_off^2 (pi^2 - 8) is the mean square of the angular bandwidth times the
    symbol's duration. Source: Mengali and D'Andrea, section 2.4.

    >>> float(timing_bound(0.0, 100, 0.35).round(5))
    0.00142
    """
    return 1 / (2 * symbols * _linear(snr_db) * raised_cosine_curvature(roll_off))


def raised_cosine_curvature(roll_off: float) -> float:
    """Minus the second derivative of the raised cosine at its peak, per square of the symbol's duration.

    >>> round(raised_cosine_curvature(0.0), 4)
    3.2899
    """
    require(0 <= roll_off <= 1, "roll_off", "in 0..1", roll_off)
    return math.pi**2 / 3 + roll_off**2 * (math.pi**2 - 8)


def _linear(snr_db: ArrayLike) -> Floats:
    return np.asarray(10.0 ** (np.asarray(snr_db, dtype=np.float64) / 10))
