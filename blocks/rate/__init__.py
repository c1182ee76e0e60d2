"""How many channel uses each patch gets."""

from linksim.blocks.rate.allocator import RateAllocator
from linksim.blocks.rate.fixed import FixedRate
from linksim.blocks.rate.measured_distortion import MeasuredDistortion
from linksim.blocks.rate.random_allocator import RandomRateAllocator
from linksim.blocks.rate.rate_set import RATE_SETS, RateSet, levels_of, rate_values

__all__ = [
    "RATE_SETS",
    "FixedRate",
    "MeasuredDistortion",
    "RandomRateAllocator",
    "RateAllocator",
    "RateSet",
    "levels_of",
    "rate_values",
]
