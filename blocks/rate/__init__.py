"""How many channel uses each patch gets."""

from linksim.blocks.rate.allocator import RateAllocator
from linksim.blocks.rate.contract import PAPER_CBR, Allocation, RateBlock
from linksim.blocks.rate.entropy import EntropyRate
from linksim.blocks.rate.fixed import FixedRate
from linksim.blocks.rate.foreground import ForegroundRate, RandomForegroundRate
from linksim.blocks.rate.lagrangian import LagrangianRateAllocator
from linksim.blocks.rate.masked import MaskedRate, RandomMaskedRate
from linksim.blocks.rate.measured_distortion import MeasuredDistortion
from linksim.blocks.rate.random_allocator import RandomRateAllocator
from linksim.blocks.rate.random_fixed import RandomFixedRate
from linksim.blocks.rate_set import RATE_SETS, RateSet, levels_of, rate_values

__all__ = [
    "PAPER_CBR",
    "RATE_SETS",
    "Allocation",
    "EntropyRate",
    "FixedRate",
    "ForegroundRate",
    "LagrangianRateAllocator",
    "MaskedRate",
    "MeasuredDistortion",
    "RandomFixedRate",
    "RandomForegroundRate",
    "RandomMaskedRate",
    "RandomRateAllocator",
    "RateAllocator",
    "RateBlock",
    "RateSet",
    "levels_of",
    "rate_values",
]
