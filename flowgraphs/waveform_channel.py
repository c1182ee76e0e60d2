"""A channel with the ports of AWGN that is a waveform inside: pulses, a radio's impairments, noise, a synchroniser."""

from collections.abc import Sequence
from typing import Literal

from linksim import Block, Decibels, Flowgraph, Symbols
from linksim.blocks.waveform import (
    BurstBuilder,
    CarrierFrequencyOffset,
    FractionalDelay,
    OFDMSynchroniser,
    PilotOFDM,
    PulseShaper,
    SamplingClockOffset,
    Synchroniser,
    WaveformNoise,
)
from linksim.blocks.waveform.pilot_ofdm import OVERSAMPLING
from linksim.blocks.waveform.pulse import SAMPLES_PER_SYMBOL
from linksim.errors import require

SYMBOL_RATE = 1e6
"""Channel uses per second."""
SAMPLES_PER_USE = {"single-carrier": SAMPLES_PER_SYMBOL, "ofdm": OVERSAMPLING}


def usual_impairments(*, sample_rate: float) -> list[Block]:
    """What every pair of radios does to a waveform, at a sampling rate in Hz: an unknown delay, clocks that differ by 3
    ppm, carriers that differ by 2 kHz, and an unknown phase."""
    return [
        FractionalDelay(longest=400.0),
        SamplingClockOffset(ppm=3.0),
        CarrierFrequencyOffset(offset=2e3, sample_rate=sample_rate),
    ]


def waveform_channel(
    *, modulation: Literal["single-carrier", "ofdm"] = "single-carrier", impairments: Sequence[Block] | None = None
) -> Flowgraph:
    """Symbols as bursts, through a radio's impairments and noise, and back: single-carrier bursts of
    root-raised-cosine pulses, or OFDM.

    Takes the place of `AWGN` in any link: inputs symbols and snr_db [batch], Es/N0 per symbol. The receiver knows
    nothing but how bursts are made. What training, field, pilots and prefixes cost is in the ledger under pilots. A
    burst that is not found is an erasure. Outputs: out, a `Received`, and estimates, what the synchroniser found out.

    Args:
        modulation: see above.
        impairments: blocks from `Waveform` to `Waveform`, in their order; None takes `usual_impairments`.

    Raises `ParameterError` where the modulation is unknown.
    """
    require(modulation in SAMPLES_PER_USE, "modulation", f"one of {', '.join(SAMPLES_PER_USE)}", modulation)
    if impairments is None:
        impairments = usual_impairments(sample_rate=SAMPLES_PER_USE[modulation] * SYMBOL_RATE)
    fg = Flowgraph("waveform_channel", inputs={"symbols": Symbols, "snr_db": Decibels})
    fg.noise = WaveformNoise()
    if modulation == "ofdm":
        fg.shaper, fg.synchroniser = PilotOFDM(), OFDMSynchroniser()
        sender = [fg.shaper]
    else:
        fg.burst, fg.shaper, fg.synchroniser = BurstBuilder(), PulseShaper(), Synchroniser()
        sender = [fg.burst, fg.shaper]
    for block in impairments:
        # By its class, so that a sweep can name its parameters; a second one of a class is numbered.
        if block.default_name not in fg.blocks:
            setattr(fg, block.default_name, block)
    fg.connect(fg["symbols"], *sender, *impairments, fg.noise["waveform"])
    fg.connect(fg["snr_db"], fg.noise["snr_db"])
    fg.connect(fg.noise, fg.synchroniser["waveform"])
    fg.connect(fg["symbols"], fg.synchroniser["like"])
    fg.connect(fg.synchroniser["out"], fg["out"])
    fg.connect(fg.synchroniser["estimates"], fg["estimates"])
    fg.fades = False
    return fg
