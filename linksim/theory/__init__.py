"""Closed forms to stand beside simulations, each with its source."""

from linksim.theory.bit_error_rate import bit_error_rate
from linksim.theory.finite_length import bpsk_capacity_and_dispersion, bpsk_normal_approximation

__all__ = ["bit_error_rate", "bpsk_capacity_and_dispersion", "bpsk_normal_approximation"]
