"""What training minimises, one value per picture."""

from linksim.blocks.losses.bits_per_pixel import BitsPerPixel
from linksim.blocks.losses.sums import HVLoss, RegionLoss, SystemLoss
from linksim.blocks.losses.weighted_distortion import WeightedDistortion

__all__ = ["BitsPerPixel", "HVLoss", "RegionLoss", "SystemLoss", "WeightedDistortion"]
