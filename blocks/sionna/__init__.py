"""A realistic PHY, by Sionna."""

from linksim.blocks.sionna.codes import LDPCDecoder, LDPCEncoder, PolarDecoder, PolarEncoder
from linksim.blocks.sionna.ofdm_channel import OFDMChannel
from linksim.blocks.sionna.qam import QAMDemapper, QAMMapper
from linksim.blocks.sionna.sionna_block import SionnaBlock

__all__ = [
    "LDPCDecoder",
    "LDPCEncoder",
    "OFDMChannel",
    "PolarDecoder",
    "PolarEncoder",
    "QAMDemapper",
    "QAMMapper",
    "SionnaBlock",
]
