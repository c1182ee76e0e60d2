"""What happens between transmitter and receiver; all of one interface."""

from linksim.blocks.channels.awgn import AWGN
from linksim.blocks.channels.instantaneous_snr import InstantaneousSNR
from linksim.blocks.channels.mixed_fading import MixedFading
from linksim.blocks.channels.rayleigh import Rayleigh
from linksim.blocks.channels.real_rayleigh import RealRayleigh
from linksim.blocks.channels.rician import Rician

__all__ = ["AWGN", "InstantaneousSNR", "MixedFading", "Rayleigh", "RealRayleigh", "Rician"]
