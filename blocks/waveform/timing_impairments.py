"""What a waveform suffers in time: an unknown delay, and a sampling clock that runs off."""

import math

import torch

from linksim.block import Block
from linksim.blocks.waveform.filtering import HALF_TAPS, interpolated
from linksim.errors import require
from linksim.types import Waveform

LONGEST_DELAY, LARGEST_PPM = 1e7, 1000.0


class FractionalDelay(Block):
    """Delay each frame by a number of samples, whole or not, and keep the silence before and after it.

    Args:
        shortest, longest: limits of the delay in samples, which is uniform between them; equal limits fix it.

    Shapes: waveform.samples [batch, time]; out.samples [batch, time + 2 * (longest rounded up) + 16], every frame's
    length likewise. Gradients pass. Source: Laakso et al., IEEE Signal Processing Magazine 1996 (windowed sinc).

    Raises:
        ParameterError: a limit is out of range.

    >>> impulse = Waveform(torch.tensor([[1.0 + 0j]]), torch.tensor([1]))
    >>> late = FractionalDelay(shortest=3.0, longest=3.0).seed(1)(waveform=impulse)
    >>> late.samples[0].abs().argmax().item(), late.length.tolist()
    (3, [23])
    """

    def __init__(self, *, shortest: float = 0.0, longest: float = 100.0) -> None:
        super().__init__()
        require(0 <= shortest <= longest, "shortest", "in 0..longest", shortest)
        require(longest <= LONGEST_DELAY, "longest", f"at most {LONGEST_DELAY:g} samples", longest)
        self.shortest, self.longest = shortest, longest

    def forward(self, waveform: Waveform) -> Waveform:
        batch, time = waveform.samples.shape
        device = waveform.samples.device
        drawn = torch.rand(batch, 1, generator=self.rng, device=device, dtype=torch.float64)
        delay = self.shortest + (self.longest - self.shortest) * drawn
        more = 2 * (math.ceil(self.longest) + HALF_TAPS)
        places = torch.arange(time + more, device=device, dtype=torch.float64) - delay
        length = waveform.length + more
        out = Waveform(interpolated(waveform.samples * waveform.mask, places), length)
        return Waveform(out.samples * out.mask, length)


class SamplingClockOffset(Block):
    """A receiver whose sampling clock is too fast by some parts per million: sample n is taken at n / (1 + ppm * 1e-6).

    Args:
        ppm: parts per million; a negative clock is too slow.

    Shapes: waveform.samples [batch, time]; out.samples [batch, time * (1 + ppm * 1e-6), rounded up]. Gradients pass.
    Source: Meyr, Moeneclaey and Fechtel, Digital Communication Receivers, ch. 4.

    Raises:
        ParameterError: `ppm` is not in -1000..1000.

    >>> ramp = Waveform(torch.ones(1, 100000) + 0j, torch.tensor([100000]))
    >>> SamplingClockOffset(ppm=100.0)(waveform=ramp).length.tolist()
    [100010]
    """

    def __init__(self, *, ppm: float = 3.0) -> None:
        super().__init__()
        require(-LARGEST_PPM <= ppm <= LARGEST_PPM, "ppm", "in -1000..1000", ppm)
        self.ppm = ppm

    def forward(self, waveform: Waveform) -> Waveform:
        rate = 1 + self.ppm * 1e-6
        length = (waveform.length.double() * rate).ceil().long()
        time = math.ceil(waveform.samples.shape[1] * rate)
        places = torch.arange(time, device=waveform.samples.device, dtype=torch.float64) / rate
        out = Waveform(interpolated(waveform.samples * waveform.mask, places), length)
        return Waveform(out.samples * out.mask, length)
