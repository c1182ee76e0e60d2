"""What source and channel coding apart can reach, and the two ways to count a rate."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linksim.theory.capacity import awgn_capacity

Floats = NDArray[np.float64]


def gaussian_separation_limit(snr_db: ArrayLike, *, uses_per_sample: ArrayLike) -> Floats:
    """The least mean squared error over variance of a white Gaussian source, in dB (negative), over AWGN.

    D = 2^(-2 R), R = uses_per_sample * log2(1 + Es/N0) bits per real sample, complex channel uses.
    Source: Shannon 1959; Cover and Thomas, Elements of Information Theory, theorems 10.3.2 and 10.4.1 with 7.13.1.

    >>> float(gaussian_separation_limit(10.0, uses_per_sample=0.5).round(2))
    -10.41
    """
    rate = np.asarray(uses_per_sample, dtype=np.float64) * awgn_capacity(snr_db)
    return -20.0 * rate * np.log10(2.0)


def bits_per_pixel(cbr: ArrayLike, snr_db: ArrayLike) -> Floats:
    """Bits per pixel of an RGB picture that a channel bandwidth ratio carries at capacity over AWGN.

    Source: three source dimensions per pixel (SA-OOSC, section 4), log2(1 + Es/N0) bits per use.

    >>> float(bits_per_pixel(1 / 48, 10.0).round(4))
    0.2162
    """
    return 3.0 * np.asarray(cbr, dtype=np.float64) * awgn_capacity(snr_db)


def channel_bandwidth_ratio(bits: ArrayLike, snr_db: ArrayLike) -> Floats:
    """The channel bandwidth ratio that bits per pixel of an RGB picture take at capacity; inverse of `bits_per_pixel`.

    >>> float(channel_bandwidth_ratio(0.2162, 10.0).round(4))
    0.0208
    """
    return np.asarray(bits, dtype=np.float64) / (3.0 * awgn_capacity(snr_db))
