"""Bits to channel symbols and back."""

from linksim.blocks.modulation.bpsk import BPSKDemapper, BPSKMapper
from linksim.blocks.modulation.qpsk import QPSKDemapper, QPSKMapper

__all__ = ["BPSKDemapper", "BPSKMapper", "QPSKDemapper", "QPSKMapper"]
