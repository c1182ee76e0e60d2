"""A realistic PHY, by Sionna."""

from linksim.blocks.sionna.ofdm_channel import OFDMChannel
from linksim.blocks.sionna.qam import QAMDemapper, QAMMapper

__all__ = ["OFDMChannel", "QAMDemapper", "QAMMapper"]
