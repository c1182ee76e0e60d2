"""The receiver of bursts: samples to symbols, with nothing known but how a burst is made."""

from types import MappingProxyType
from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.waveform.burst import (
    PILOT_LENGTH,
    PILOT_SPACING,
    PREAMBLE,
    PREAMBLE_LENGTH,
    BurstLayout,
)
from linksim.blocks.waveform.burst_reader import BurstReader
from linksim.blocks.waveform.frames import billed
from linksim.blocks.waveform.pulse import ROLL_OFF, SAMPLES_PER_SYMBOL, SPAN, check_pulse
from linksim.errors import require
from linksim.types import Received, Symbols, SynchronisationEstimate, Waveform


class Synchronised(NamedTuple):
    """The frame's symbols; and what was found out on the way."""

    out: Received
    estimates: SynchronisationEstimate


class Synchroniser(Block):
    """Find the burst in each row of a waveform, and bring its frame's symbols back to time, frequency, phase and gain.

    A normalised correlation finds the preamble; delay and frequency come from it by maximum likelihood. The field
    behind it tells the frame's length. Pilots then tell clock, frequency, gain and noise over the whole burst, and the
    symbols are taken between the samples. They have the phase removed and unit mean gain; `gain` is the estimated
    amplitude, `noise_variance` the measured noise plus the variance of the gain's error, `csi` "estimated". `overhead`
    counts preamble, field and pilots.

    A burst that is not found, whose field does not pass its check or which the waveform does not hold to its end is an
    erasure: length 0, gain 0, noise variance 1, samples 0. Its uses are billed all the same where `like` tells them: a
    simulation knows what was sent.

    Args:
        preamble, preamble_length, pilot_spacing, pilot_length: as the `BurstBuilder` that sent.
        samples_per_symbol, roll_off, span: as the `PulseShaper` that sent.
        largest_frequency_offset: in cycles per symbol, that is searched.
        false_alarm: the probability that noise in one row is taken for a burst; its field is then checked by CRC-16.

    Shapes: waveform.samples [batch, time]; like: the symbols that were sent, which a simulation knows: they give the
    width of the output and the bill of an erased frame, nothing else; out.symbols.samples [batch, most uses]; estimates
    [batch]. Estimates have no gradient; one passes from the output symbols to the samples.
    Source: linksim, of the parts named in `linksim.blocks.waveform.detection` and `linksim.blocks.waveform.tracking`.

    Raises:
        ParameterError: a parameter is out of range.

    >>> from linksim.blocks.waveform import BurstBuilder, PulseShaper
    >>> sent = BurstBuilder()(symbols=Symbols(torch.ones(1, 100) * 1j, torch.tensor([100])))
    >>> received = Synchroniser()(waveform=PulseShaper()(symbols=sent)).out
    >>> received.symbols.length.tolist(), received.overhead.tolist(), received.csi
    ([100], [495], 'estimated')
    """

    labels = MappingProxyType({"csi": "estimated"})

    def __init__(
        self,
        *,
        preamble: str = PREAMBLE,
        preamble_length: int = PREAMBLE_LENGTH,
        pilot_spacing: int = PILOT_SPACING,
        pilot_length: int = PILOT_LENGTH,
        samples_per_symbol: int = SAMPLES_PER_SYMBOL,
        roll_off: float = ROLL_OFF,
        span: int = SPAN,
        largest_frequency_offset: float = 0.01,
        false_alarm: float = 1e-6,
    ) -> None:
        super().__init__()
        check_pulse(samples_per_symbol, roll_off, span)
        offset = largest_frequency_offset
        require(0 < offset <= 0.3, "largest_frequency_offset", "in (0, 0.3] cycles per symbol", offset)
        require(0 < false_alarm < 1, "false_alarm", "in (0, 1)", false_alarm)
        layout = BurstLayout(preamble, preamble_length, pilot_spacing, pilot_length)
        self.reader = BurstReader(layout, samples_per_symbol, roll_off, span, offset, false_alarm)

    def forward(self, waveform: Waveform, like: Symbols | None = None) -> Synchronised:
        samples = waveform.samples * waveform.mask
        with torch.no_grad():
            found = self.reader.search(samples)
            best, place = found.correlation.max(1)
        width = None if like is None else like.samples.shape[1]
        burst = self.reader.read(samples, waveform.length, place * found.step, best > found.threshold, width)
        received = burst.received
        if like is not None:
            received = billed(received, self.reader.layout.overhead(like.length), burst.estimates.found)
        return Synchronised(received, burst.estimates)
