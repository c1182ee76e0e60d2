"""How many channel uses each patch gets."""

from linksim.blocks.rate.allocator import RateAllocator
from linksim.blocks.rate.random_allocator import RandomRateAllocator
from linksim.blocks.rate.rate_set import RATE_SETS, RateSet, levels_of, rate_values

__all__ = ["RATE_SETS", "RandomRateAllocator", "RateAllocator", "RateSet", "levels_of", "rate_values"]
