"""A realistic PHY, by Sionna."""

from linksim.blocks.sionna.ofdm_channel import OFDMChannel

__all__ = ["OFDMChannel"]
