"""What happens between transmitter and receiver; all of one interface."""

from linksim.blocks.channels.amplitude_fading import AmplitudeFading
from linksim.blocks.channels.awgn import AWGN
from linksim.blocks.channels.instantaneous_snr import InstantaneousSNR
from linksim.blocks.channels.nominal_snr import NominalSNR
from linksim.blocks.channels.random_fading import RandomFading
from linksim.blocks.channels.rayleigh import Rayleigh
from linksim.blocks.channels.received_snr import ReceivedSNR
from linksim.blocks.channels.rician import Rician

__all__ = [
    "AWGN",
    "AmplitudeFading",
    "InstantaneousSNR",
    "NominalSNR",
    "RandomFading",
    "Rayleigh",
    "ReceivedSNR",
    "Rician",
]
