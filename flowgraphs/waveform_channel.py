"""A channel with the ports of AWGN that is a waveform inside: pulses, a radio's impairments, noise, a synchroniser."""

from collections.abc import Sequence

from linksim import Block, Decibels, Flowgraph, Symbols
from linksim.blocks.waveform import (
    BurstBuilder,
    CarrierFrequencyOffset,
    FractionalDelay,
    PulseShaper,
    SamplingClockOffset,
    Synchroniser,
    WaveformNoise,
)
from linksim.blocks.waveform.pulse import ROLL_OFF, SAMPLES_PER_SYMBOL

SYMBOL_RATE = 1e6


def usual_impairments(*, sample_rate: float = SAMPLES_PER_SYMBOL * SYMBOL_RATE) -> list[Block]:
    """What every pair of radios does to a waveform: an unknown delay, clocks that differ by 3 ppm, carriers that differ
    by 2 kHz, and an unknown phase."""
    return [
        FractionalDelay(longest=400.0),
        SamplingClockOffset(ppm=3.0),
        CarrierFrequencyOffset(offset=2e3, sample_rate=sample_rate),
    ]


def waveform_channel(
    *,
    impairments: Sequence[Block] | None = None,
    samples_per_symbol: int = SAMPLES_PER_SYMBOL,
    roll_off: float = ROLL_OFF,
) -> Flowgraph:
    """Symbols as bursts of root-raised-cosine pulses, through a radio's impairments and noise, and back.

    Takes the place of `AWGN` in any link: inputs symbols and snr_db [batch], Es/N0 per symbol. The receiver knows
    nothing but how bursts are made. What preamble, field and pilots cost is in the ledger under pilots. A burst that is
    not found is an erasure. Outputs: out, a `Received`, and estimates, what the synchroniser found out.

    Args:
        impairments: blocks from `Waveform` to `Waveform`, in their order; None takes `usual_impairments`.
        samples_per_symbol, roll_off: of the pulses.

    Raises `ParameterError` where a parameter is out of range.
    """
    if impairments is None:
        impairments = usual_impairments(sample_rate=samples_per_symbol * SYMBOL_RATE)
    fg = Flowgraph("waveform_channel", inputs={"symbols": Symbols, "snr_db": Decibels})
    fg.burst, fg.noise = BurstBuilder(), WaveformNoise()
    fg.shaper = PulseShaper(samples_per_symbol=samples_per_symbol, roll_off=roll_off)
    fg.synchroniser = Synchroniser(samples_per_symbol=samples_per_symbol, roll_off=roll_off)
    fg.connect(fg["symbols"], fg.burst, fg.shaper, *impairments, fg.noise["waveform"])
    fg.connect(fg["snr_db"], fg.noise["snr_db"])
    fg.connect(fg.noise, fg.synchroniser["waveform"])
    fg.connect(fg["symbols"], fg.synchroniser["like"])
    fg.connect(fg.synchroniser["out"], fg["out"])
    fg.connect(fg.synchroniser["estimates"], fg["estimates"])
    fg.fades = False
    return fg
