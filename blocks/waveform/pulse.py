"""Root-raised-cosine pulses: symbols to samples, and the filter that is matched to them."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.waveform.filtering import filtered
from linksim.errors import require
from linksim.types import Symbols, Uses, Waveform

ROLL_OFF, SAMPLES_PER_SYMBOL, SPAN = 0.35, 4, 16
"""The defaults of all waveform blocks: excess bandwidth, oversampling, and the pulse's length in symbols. With them the
intersymbol interference of a pulse and its matched filter is 53 dB under the signal."""


def check_pulse(samples_per_symbol: int, roll_off: float, span: int) -> None:
    """Raise `ParameterError` unless the three describe a pulse that the sampling rate can carry."""
    require(2 <= samples_per_symbol <= 64, "samples_per_symbol", "in 2..64", samples_per_symbol)
    require(0 <= roll_off <= 1, "roll_off", "in 0..1", roll_off)
    require(2 <= span <= 256 and span % 2 == 0, "span", "even and in 2..256 symbols", span)


@cache
def root_raised_cosine(samples_per_symbol: int, roll_off: float, span: int) -> Tensor:
    """The taps of a root-raised-cosine filter of unit energy, float64 [span * samples_per_symbol + 1].

    Source: Proakis, Digital Communications, section 9.2; the limits at t = 0 and t = T/(4 roll-off) are its own.
    """
    half = span // 2 * samples_per_symbol
    taps = _pulse(np.arange(-half, half + 1) / samples_per_symbol, roll_off)
    return torch.from_numpy(taps / np.sqrt(np.sum(taps**2)))


def _pulse(t: np.ndarray, roll_off: float) -> np.ndarray:
    """The pulse at times in symbols, of unit energy over continuous time."""
    if roll_off == 0:
        return np.sinc(t)
    middle, edge = np.abs(t) < 1e-9, np.abs(np.abs(t) - 1 / (4 * roll_off)) < 1e-9
    safe = np.where(middle | edge, 0.123, t)
    sine, cosine = np.sin(np.pi * safe * (1 - roll_off)), np.cos(np.pi * safe * (1 + roll_off))
    values = (sine + 4 * roll_off * safe * cosine) / (np.pi * safe * (1 - (4 * roll_off * safe) ** 2))
    angle = math.pi / (4 * roll_off)
    at_edge = roll_off / math.sqrt(2) * ((1 + 2 / math.pi) * math.sin(angle) + (1 - 2 / math.pi) * math.cos(angle))
    return np.where(middle, 1 - roll_off + 4 * roll_off / math.pi, np.where(edge, at_edge, values))


class PulseShaper(Block):
    """Symbols as a waveform of root-raised-cosine pulses of unit energy.

    The energy of a symbol is that of its pulse, so that noise of variance N0 per sample gives Es/N0 behind the matched
    filter. The waveform's mean power is 1 / samples_per_symbol. The first symbol's pulse has its peak at sample
    span * samples_per_symbol / 2.

    Args:
        samples_per_symbol: the oversampling, 2 to 64.
        roll_off: excess bandwidth, 0 to 1.
        span: the pulse's length in symbols.

    Shapes: symbols.samples [batch, uses]; out.samples [batch, (uses - 1 + span) * samples_per_symbol + 1]. Gradients
    pass. Source: Proakis, Digital Communications, section 9.2.

    Raises:
        ParameterError: a parameter is out of range.

    >>> waveform = PulseShaper()(symbols=Symbols(torch.ones(1, 10) + 0j, torch.tensor([10])))
    >>> waveform.samples.shape, waveform.length.tolist()
    (torch.Size([1, 101]), [101])
    """

    def __init__(
        self, *, samples_per_symbol: int = SAMPLES_PER_SYMBOL, roll_off: float = ROLL_OFF, span: int = SPAN
    ) -> None:
        super().__init__()
        check_pulse(samples_per_symbol, roll_off, span)
        self.samples_per_symbol, self.roll_off, self.span = samples_per_symbol, roll_off, span

    def forward(self, symbols: Symbols) -> Waveform:
        step = self.samples_per_symbol
        sent = symbols.samples * symbols.mask
        spread = torch.nn.functional.pad(sent[..., None], (0, step - 1)).flatten(1)
        shaped = filtered(spread, root_raised_cosine(step, self.roll_off, self.span))
        length = torch.where(symbols.length > 0, (symbols.length - 1 + self.span) * step + 1, 0)
        waveform = Waveform(shaped[:, : max((sent.shape[1] - 1 + self.span) * step + 1, 0)], length)
        return Waveform(waveform.samples * waveform.mask, length)


class MatchedFilter(Block):
    """The filter that is matched to `PulseShaper`'s pulse, at the same sampling rate.

    Behind both, symbol n stands at sample (n + span) * samples_per_symbol, and white noise keeps its variance there.

    Args: as `PulseShaper`.

    Shapes: waveform.samples [batch, time]; out.samples [batch, time + span * samples_per_symbol]. Gradients pass.
    Source: Proakis, Digital Communications, sections 4.2 and 9.2.

    Raises:
        ParameterError: a parameter is out of range.

    >>> sent = Symbols(torch.tensor([[1, 1j, -1]]), torch.tensor([3]))
    >>> shaped = PulseShaper()(symbols=sent)
    >>> [round(value, 2) for value in MatchedFilter()(waveform=shaped).samples[0, 64::4].real[:3].tolist()]
    [1.0, 0.0, -1.0]
    """

    def __init__(
        self, *, samples_per_symbol: int = SAMPLES_PER_SYMBOL, roll_off: float = ROLL_OFF, span: int = SPAN
    ) -> None:
        super().__init__()
        check_pulse(samples_per_symbol, roll_off, span)
        self.samples_per_symbol, self.roll_off, self.span = samples_per_symbol, roll_off, span

    def forward(self, waveform: Waveform) -> Waveform:
        taps = root_raised_cosine(self.samples_per_symbol, self.roll_off, self.span)
        length = torch.where(waveform.length > 0, waveform.length + len(taps) - 1, 0)
        return Waveform(filtered(waveform.samples * waveform.mask, taps), length)


class SymbolSampler(Block):
    """Take a filtered waveform's symbols at known instants: the ideal receiver, which a synchroniser is compared with.

    Args:
        samples_per_symbol: distance of two symbols in samples.
        delay: the sample of the first symbol; behind `PulseShaper` and `MatchedFilter` span * samples_per_symbol.

    Shapes: waveform.samples [batch, time]; uses [batch], how many symbols there are; out.samples [batch, most uses].
    Gradients pass. Source: linksim.

    Raises:
        ParameterError: a parameter is out of range.

    >>> waveform = Waveform(torch.arange(9.0)[None] + 0j, torch.tensor([9]))
    >>> sampler = SymbolSampler(samples_per_symbol=2, delay=1)
    >>> sampler(waveform=waveform, uses=torch.tensor([3])).samples.real.tolist()
    [[1.0, 3.0, 5.0]]
    """

    def __init__(self, *, samples_per_symbol: int = SAMPLES_PER_SYMBOL, delay: int = SPAN * SAMPLES_PER_SYMBOL) -> None:
        super().__init__()
        require(samples_per_symbol >= 1, "samples_per_symbol", "at least 1", samples_per_symbol)
        require(delay >= 0, "delay", "at least 0", delay)
        self.samples_per_symbol, self.delay = samples_per_symbol, delay

    def forward(self, waveform: Waveform, uses: Uses) -> Symbols:
        most = int(uses.max()) if len(uses) else 0
        needed = self.delay + self.samples_per_symbol * max(most - 1, 0) + 1
        padded = torch.nn.functional.pad(waveform.samples, (0, max(needed - waveform.samples.shape[1], 0)))
        taken = padded[:, self.delay : needed : self.samples_per_symbol][:, :most]
        symbols = Symbols(taken, uses)
        return Symbols(taken * symbols.mask, uses)
