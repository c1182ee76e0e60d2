"""Waveforms: pulses, what they suffer in a radio, and the receiver that finds and follows them."""

from linksim.blocks.waveform.burst import BurstBuilder
from linksim.blocks.waveform.front_end import Clipping, Converter, DCOffset, IQImbalance, RappAmplifier
from linksim.blocks.waveform.noise import WaveformNoise
from linksim.blocks.waveform.oscillator_impairments import CarrierFrequencyOffset, PhaseNoise
from linksim.blocks.waveform.pulse import MatchedFilter, PulseShaper, SymbolSampler
from linksim.blocks.waveform.synchroniser import Synchroniser
from linksim.blocks.waveform.timing_impairments import FractionalDelay, SamplingClockOffset

__all__ = [
    "BurstBuilder",
    "CarrierFrequencyOffset",
    "Clipping",
    "Converter",
    "DCOffset",
    "FractionalDelay",
    "IQImbalance",
    "MatchedFilter",
    "PhaseNoise",
    "PulseShaper",
    "RappAmplifier",
    "SamplingClockOffset",
    "SymbolSampler",
    "Synchroniser",
    "WaveformNoise",
]
