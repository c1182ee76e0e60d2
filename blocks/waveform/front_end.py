"""What a waveform suffers in amplifiers, mixers and converters."""

import math

import torch
from torch import Tensor

from linksim.block import Block
from linksim.errors import require
from linksim.types import Waveform


def root_mean_square(waveform: Waveform) -> Tensor:
    """Of the samples of each frame, float [batch, 1]; 1 where there are none."""
    energy = (waveform.samples.abs().square() * waveform.mask).sum(1, keepdim=True)
    power = energy / waveform.length.clamp_min(1)[:, None]
    return torch.where(power > 0, power, torch.ones_like(power)).sqrt()


class IQImbalance(Block):
    """A mixer whose branches differ: y = K1 x + K2 conj(x), K1 = (1 + g e^(-j phi)) / 2, K2 = (1 - g e^(j phi)) / 2.

    Args:
        gain_db: how much stronger the quadrature branch is, 20 log10 g.
        phase_degrees: phi, how far the branches are from a right angle.

    Shapes: waveform.samples [batch, time]; out likewise. The image lies 20 log10 |K1 / K2| dB under the signal.
    Gradients pass. Source: Razavi, RF Microelectronics, section 4.2; Valkama et al., IEEE Trans. Signal Process. 2001.

    Raises:
        ParameterError: a parameter is out of range.

    >>> tone = Waveform(torch.tensor([[1 + 0j, 1j]]), torch.tensor([2]))
    >>> [round(value, 3) for value in IQImbalance(gain_db=6.0206)(waveform=tone).samples.abs()[0].tolist()]
    [1.0, 2.0]
    """

    def __init__(self, *, gain_db: float = 0.5, phase_degrees: float = 0.0) -> None:
        super().__init__()
        require(-40 <= gain_db <= 40, "gain_db", "in -40..40 dB", gain_db)
        require(-90 < phase_degrees < 90, "phase_degrees", "in -90..90 degrees", phase_degrees)
        self.gain_db, self.phase_degrees = gain_db, phase_degrees

    def forward(self, waveform: Waveform) -> Waveform:
        gain, angle = 10 ** (self.gain_db / 20), math.radians(self.phase_degrees)
        turned = complex(gain * math.cos(angle), gain * math.sin(angle))
        direct, image = (1 + turned.conjugate()) / 2, (1 - turned) / 2
        return Waveform(direct * waveform.samples + image * waveform.samples.conj(), waveform.length)


class DCOffset(Block):
    """A constant added to every sample: the carrier that leaks through a mixer.

    Args:
        in_phase, quadrature: relative to the root mean square of each frame's samples.

    Shapes: waveform.samples [batch, time]; out likewise. Gradients pass. Source: Razavi, RF Microelectronics, ch. 4.

    Raises:
        ParameterError: a parameter is no number.

    >>> ones = Waveform(torch.ones(1, 2) + 0j, torch.tensor([2]))
    >>> DCOffset(in_phase=0.5)(waveform=ones).samples.real.tolist()
    [[1.5, 1.5]]
    """

    def __init__(self, *, in_phase: float = 0.05, quadrature: float = 0.0) -> None:
        super().__init__()
        require(math.isfinite(in_phase), "in_phase", "a number", in_phase)
        require(math.isfinite(quadrature), "quadrature", "a number", quadrature)
        self.in_phase, self.quadrature = in_phase, quadrature

    def forward(self, waveform: Waveform) -> Waveform:
        offset = complex(self.in_phase, self.quadrature) * root_mean_square(waveform)
        return Waveform(waveform.samples + offset * waveform.mask, waveform.length)


class RappAmplifier(Block):
    """A solid-state power amplifier by Rapp's model: |y| = |x| / (1 + (|x| / A)^(2p))^(1/(2p)), the phase as it was.

    Args:
        backoff_db: 20 log10 of the saturation amplitude A over the root mean square of each frame's samples.
        smoothness: p, at least 1; the larger, the sharper the knee.

    Shapes: waveform.samples [batch, time]; out likewise. Gradients pass.
    Source: Rapp, Second European Conf. on Satellite Communications 1991.

    Raises:
        ParameterError: a parameter is out of range.

    >>> ones = Waveform(torch.ones(1, 2) + 0j, torch.tensor([2]))
    >>> amplified = RappAmplifier(backoff_db=0.0, smoothness=1.0)(waveform=ones)
    >>> [round(value, 3) for value in amplified.samples.abs()[0].tolist()]
    [0.707, 0.707]
    """

    def __init__(self, *, backoff_db: float = 8.0, smoothness: float = 2.0) -> None:
        super().__init__()
        require(-40 <= backoff_db <= 100, "backoff_db", "in -40..100 dB", backoff_db)
        require(1 <= smoothness <= 100, "smoothness", "in 1..100", smoothness)
        self.backoff_db, self.smoothness = backoff_db, smoothness

    def forward(self, waveform: Waveform) -> Waveform:
        saturation = root_mean_square(waveform) * 10 ** (self.backoff_db / 20)
        # The square root would have no gradient at zero.
        power = waveform.samples.real.square() + waveform.samples.imag.square()
        ratio = power / saturation.square()
        # Of a large ratio a high power would overflow; its inverse does not.
        large, small = ratio.clamp_min(1), ratio.clamp_max(1)
        knee = (1 + torch.where(ratio > 1, large**-self.smoothness, small**self.smoothness)) ** (
            -1 / (2 * self.smoothness)
        )
        return Waveform(waveform.samples * knee / large.sqrt(), waveform.length)


class Clipping(Block):
    """Limit the amplitude of each sample, and keep its phase.

    Args:
        ratio_db: 20 log10 of the largest amplitude over the root mean square of each frame's samples.

    Shapes: waveform.samples [batch, time]; out likewise. Gradients pass.
    Source: Ochiai and Imai, IEEE Trans. Commun. 2002.

    Raises:
        ParameterError: `ratio_db` is out of range.

    >>> samples = Waveform(torch.tensor([[1 + 0j, 7j]]), torch.tensor([2]))
    >>> [round(value, 2) for value in Clipping(ratio_db=0.0)(waveform=samples).samples.abs()[0].tolist()]
    [1.0, 5.0]
    """

    def __init__(self, *, ratio_db: float = 6.0) -> None:
        super().__init__()
        require(-40 <= ratio_db <= 100, "ratio_db", "in -40..100 dB", ratio_db)
        self.ratio_db = ratio_db

    def forward(self, waveform: Waveform) -> Waveform:
        largest = root_mean_square(waveform) * 10 ** (self.ratio_db / 20)
        amplitude = waveform.samples.abs()
        factor = (largest / amplitude.clamp_min(torch.finfo(amplitude.dtype).tiny)).clamp_max(1)
        return Waveform(waveform.samples * factor, waveform.length)


class Converter(Block):
    """A converter of so many bits for the real and for the imaginary part: uniform steps, none at zero, and clipping.

    Args:
        bits: of each of the two.
        full_scale_db: 20 log10 of the largest value over the root mean square of a real or imaginary part.

    Shapes: waveform.samples [batch, time]; out likewise. Steps have no gradient: they are passed over as if they were
    not there, and where the converter clips no gradient passes (the straight-through estimator; Bengio et al., 2013).
    Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 4.8.

    Raises:
        ParameterError: a parameter is out of range.

    >>> samples = Waveform(torch.tensor([[1 + 1j, -1 - 1j]]), torch.tensor([2]))
    >>> Converter(bits=1, full_scale_db=0.0)(waveform=samples).samples.tolist()
    [[(0.5+0.5j), (-0.5-0.5j)]]
    """

    def __init__(self, *, bits: int = 12, full_scale_db: float = 12.0) -> None:
        super().__init__()
        require(1 <= bits <= 24, "bits", "in 1..24", bits)
        require(-40 <= full_scale_db <= 100, "full_scale_db", "in -40..100 dB", full_scale_db)
        self.bits, self.full_scale_db = bits, full_scale_db

    def forward(self, waveform: Waveform) -> Waveform:
        scale = root_mean_square(waveform)[..., None] / math.sqrt(2) * 10 ** (self.full_scale_db / 20)
        steps = 2 ** (self.bits - 1)
        parts = torch.view_as_real(waveform.samples) / scale * steps
        inside = parts.clamp(-steps, steps)
        levels = (inside.detach().floor() + 0.5).clamp(-steps + 0.5, steps - 0.5)
        converted = (inside + (levels - inside).detach()) / steps * scale
        return Waveform(torch.view_as_complex(converted) * waveform.mask, waveform.length)
