"""Undoing the channel's gain."""

from linksim.blocks.equalizers.mmse import MMSEEqualizer
from linksim.blocks.equalizers.zero_forcing import ZeroForcingEqualizer

__all__ = ["MMSEEqualizer", "ZeroForcingEqualizer"]
