"""Closed forms to stand beside simulations, each with its source."""

from linksim.theory.bit_error_rate import bit_error_rate
from linksim.theory.capacity import (
    awgn_capacity,
    constellation_capacity,
    rayleigh_ergodic_capacity,
    rayleigh_outage_capacity,
    rayleigh_outage_probability,
)
from linksim.theory.finite_length import (
    awgn_capacity_and_dispersion,
    awgn_normal_approximation,
    bpsk_capacity_and_dispersion,
    bpsk_normal_approximation,
)
from linksim.theory.parallel_gaussians import linear_coding_limit, linear_coding_loss_db, parallel_gaussian_limit
from linksim.theory.separation import bits_per_pixel, channel_bandwidth_ratio, gaussian_separation_limit
from linksim.theory.synchronisation import (
    detection_probability,
    detection_threshold,
    frequency_bound,
    phase_bound,
    raised_cosine_curvature,
    timing_bound,
)

__all__ = [
    "awgn_capacity",
    "awgn_capacity_and_dispersion",
    "awgn_normal_approximation",
    "bit_error_rate",
    "bits_per_pixel",
    "bpsk_capacity_and_dispersion",
    "bpsk_normal_approximation",
    "channel_bandwidth_ratio",
    "constellation_capacity",
    "detection_probability",
    "detection_threshold",
    "frequency_bound",
    "gaussian_separation_limit",
    "linear_coding_limit",
    "linear_coding_loss_db",
    "parallel_gaussian_limit",
    "phase_bound",
    "raised_cosine_curvature",
    "rayleigh_ergodic_capacity",
    "rayleigh_outage_capacity",
    "rayleigh_outage_probability",
    "timing_bound",
]
