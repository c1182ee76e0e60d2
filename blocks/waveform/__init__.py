"""Waveforms: pulses, what they suffer in a radio, and the receiver that finds and follows them."""

from linksim.blocks.waveform.burst import BurstBuilder
from linksim.blocks.waveform.front_end import Clipping, Converter, DCOffset, IQImbalance, RappAmplifier
from linksim.blocks.waveform.gnuradio_channel import GNURadioChannel
from linksim.blocks.waveform.noise import WaveformNoise
from linksim.blocks.waveform.ofdm_synchroniser import OFDMSynchroniser
from linksim.blocks.waveform.oscillator_impairments import CarrierFrequencyOffset, PhaseNoise
from linksim.blocks.waveform.over_the_air import OverTheAir
from linksim.blocks.waveform.pilot_ofdm import PilotOFDM
from linksim.blocks.waveform.pulse import MatchedFilter, PulseShaper, SymbolSampler
from linksim.blocks.waveform.sigmf_blocks import SigMFSink, SigMFSource
from linksim.blocks.waveform.synchroniser import Synchroniser
from linksim.blocks.waveform.timing_impairments import FractionalDelay, SamplingClockOffset
from linksim.blocks.waveform.zmq_blocks import ZMQSink, ZMQSource

__all__ = [
    "BurstBuilder",
    "CarrierFrequencyOffset",
    "Clipping",
    "Converter",
    "DCOffset",
    "FractionalDelay",
    "GNURadioChannel",
    "IQImbalance",
    "MatchedFilter",
    "OFDMSynchroniser",
    "OverTheAir",
    "PhaseNoise",
    "PilotOFDM",
    "PulseShaper",
    "RappAmplifier",
    "SamplingClockOffset",
    "SigMFSink",
    "SigMFSource",
    "SymbolSampler",
    "Synchroniser",
    "WaveformNoise",
    "ZMQSink",
    "ZMQSource",
]
