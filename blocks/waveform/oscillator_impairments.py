"""What a waveform suffers from oscillators: frequency offset, drift, phase, and phase noise."""

import math

import torch
from torch import Tensor

from linksim.block import Block
from linksim.errors import require
from linksim.types import Waveform

SAMPLE_RATE = 4e6
"""In Hz: 1 Msymbol/s at four samples per symbol."""


def _rotated(waveform: Waveform, phase: Tensor) -> Waveform:
    """Turn each sample by a phase in radians, float64 [batch, time]."""
    # Of a large phase float32 keeps too little: only its rest within one turn is rounded.
    rest = torch.remainder(phase, 2 * math.pi).to(waveform.samples.real.dtype)
    return Waveform(waveform.samples * torch.polar(torch.ones_like(rest), rest), waveform.length)


class CarrierFrequencyOffset(Block):
    """A carrier that the receiver misses: y(t) = x(t) exp(j (phase + 2 pi (offset t + drift t^2 / 2))).

    Args:
        offset: in Hz.
        drift: in Hz/s.
        phase: at the first sample, in radians; None draws one for each frame, uniformly.
        sample_rate: in Hz.

    Shapes: waveform.samples [batch, time]; out likewise. Gradients pass.
    Source: Meyr, Moeneclaey and Fechtel, Digital Communication Receivers, ch. 8.

    Raises:
        ParameterError: the offset is over half of the sampling rate, or a parameter is out of range.

    >>> ones = Waveform(torch.ones(1, 3) + 0j, torch.tensor([3]))
    >>> turned = CarrierFrequencyOffset(offset=1e6, phase=0.0)(waveform=ones)
    >>> [round(value, 3) for value in turned.samples.imag.abs()[0].tolist()]
    [0.0, 1.0, 0.0]
    """

    def __init__(
        self,
        *,
        offset: float = 2e3,
        drift: float = 0.0,
        phase: float | None = None,
        sample_rate: float = SAMPLE_RATE,
    ) -> None:
        super().__init__()
        require(0 < sample_rate < math.inf, "sample_rate", "a positive number of Hz", sample_rate)
        require(abs(offset) <= sample_rate / 2, "offset", "within half of the sampling rate", offset)
        require(math.isfinite(drift), "drift", "a number of Hz/s", drift)
        require(phase is None or math.isfinite(phase), "phase", "a number of radians, or None", phase)
        self.offset, self.drift, self.phase, self.sample_rate = offset, drift, phase, sample_rate

    def forward(self, waveform: Waveform) -> Waveform:
        batch, time = waveform.samples.shape
        device = waveform.samples.device
        if self.phase is None:
            start = 2 * math.pi * torch.rand(batch, 1, generator=self.rng, device=device, dtype=torch.float64)
        else:
            start = torch.full((batch, 1), self.phase, device=device, dtype=torch.float64)
        t = torch.arange(time, device=device, dtype=torch.float64) / self.sample_rate
        return _rotated(waveform, start + 2 * math.pi * (self.offset * t + self.drift * t.square() / 2))


class PhaseNoise(Block):
    """The phase noise of a free-running oscillator: a random walk of variance 2 pi linewidth / sample_rate per sample.

    Args:
        linewidth: full width of the Lorentzian spectrum at half of its height, in Hz.
        sample_rate: in Hz.

    Shapes: waveform.samples [batch, time]; out likewise. The first sample is not turned. Gradients pass.
    Source: Demir, Mehrotra and Roychowdhury, IEEE Trans. Circuits Syst. I 2000.

    Raises:
        ParameterError: a parameter is out of range.

    >>> ones = Waveform(torch.ones(1, 1000) + 0j, torch.tensor([1000]))
    >>> walked = PhaseNoise(linewidth=100.0).seed(1)(waveform=ones)
    >>> round(walked.samples.abs().mean().item(), 3)
    1.0
    """

    def __init__(self, *, linewidth: float = 1.0, sample_rate: float = SAMPLE_RATE) -> None:
        super().__init__()
        require(0 < sample_rate < math.inf, "sample_rate", "a positive number of Hz", sample_rate)
        require(0 <= linewidth <= sample_rate, "linewidth", "in 0..sample_rate", linewidth)
        self.linewidth, self.sample_rate = linewidth, sample_rate

    def forward(self, waveform: Waveform) -> Waveform:
        deviation = math.sqrt(2 * math.pi * self.linewidth / self.sample_rate)
        shape, device = waveform.samples.shape, waveform.samples.device
        steps = deviation * torch.randn(shape, generator=self.rng, device=device, dtype=torch.float64)
        steps[:, :1] = 0
        return _rotated(waveform, steps.cumsum(1))
