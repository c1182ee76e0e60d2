"""Linear joint source-channel coding of a KLT latent: prefix, power loading, LMMSE."""

from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.jscc.level_statistics import (
    importance_weight,
    level_loading,
    level_sums,
    prior_variance,
    sent_dimensions,
)
from linksim.blocks.jscc.power_loading import loaded_amplitude, of_patch, usual_energy
from linksim.blocks.rate_set import RateSet, levels_of, rate_values
from linksim.blocks.vectorizer.klt import DEFAULT_STEP
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import Codeword, Importance, Latent, Lengths, PowerLoading, ReceivedCodeword, sent_mask


class LinearlyEncoded(NamedTuple):
    """The codeword, and the power loading that the receiver must know."""

    codeword: Codeword
    power_loading: PowerLoading


class LinearJSCCEncoder(Block):
    """Send the first 2k coefficients of each patch as k complex symbols, each scaled for least weighted squared error.

    The amplitude of dimension c at rate level l is (w_l / (a_l v_c))^(1/4): v_c its variance over all pictures, a_l how
    much larger it is among this picture's patches of level l, w_l the mean of (2^I)^`importance_exponent` there.
    (w_l/a_l)^(1/2) goes to the header as the loading, separately for the first dimension and for the others.

    Shapes: latent [batch, channels, rows, cols], real, in units of `step`; lengths [batch, rows, cols] complex uses,
    in V; importance [batch, rows, cols], 0 if absent; codeword [batch, rows, cols, kmax]; power_loading [batch, levels,
    2] in dB. Gradients pass to the codeword, not through the loading (it is rounded).
    Source: least squared error of parallel Gaussian channels with linear coding, Lee and Petersen, IEEE Trans. Commun.
    1976; weights, SA-OOSC appendix 8.

    Raises:
        ParameterError: a parameter is out of range, or a length is not in V.

    >>> latent, lengths = torch.randn(1, 256, 2, 2), torch.full((1, 2, 2), 8)
    >>> LinearJSCCEncoder()(latent=latent, lengths=lengths).codeword.shape
    torch.Size([1, 2, 2, 8])
    """

    def __init__(
        self, *, rate_set: RateSet = "default", step: float = DEFAULT_STEP, importance_exponent: float = 2.0
    ) -> None:
        super().__init__()
        require(0 <= importance_exponent <= 8, "importance_exponent", "in 0..8", importance_exponent)
        self.step, self.importance_exponent = step, importance_exponent
        self.register_buffer("values", torch.tensor(rate_values(rate_set)), persistent=False)

    @full_precision
    def forward(self, latent: Latent, lengths: Lengths, importance: Importance | None = None) -> LinearlyEncoded:
        dimensions = 2 * int(lengths.max())
        levels = levels_of(lengths, self.get_buffer("values"))
        variance = prior_variance(self.step, dimensions).to(latent)
        missing = max(dimensions - latent.shape[1], 0)
        x = torch.nn.functional.pad(latent.movedim(1, -1), (0, missing))[..., :dimensions]
        x = x * sent_mask(2 * lengths, dimensions)
        labels = torch.zeros_like(lengths) if importance is None else importance
        power_loading = self._power_loading(x.detach(), levels, labels, variance)
        scaled = x * of_patch(loaded_amplitude(power_loading, variance), levels)
        return LinearlyEncoded(torch.view_as_complex(scaled.unflatten(-1, (-1, 2)).contiguous()), power_loading)

    def _power_loading(self, x: Tensor, levels: Tensor, importance: Tensor, variance: Tensor) -> Tensor:
        values = self.get_buffer("values")
        weight = importance_weight(importance, self.importance_exponent).to(x)
        marks = level_sums(torch.stack([torch.ones_like(weight), weight], -1), levels, len(values))
        energy = level_sums(x.square(), levels, len(values))
        sent = sent_dimensions(values, x.shape[-1])
        return level_loading(energy, marks[..., 0], marks[..., 1], variance, sent)


class LinearJSCCDecoder(Block):
    """Linear least-mean-squared-error estimate of the latent from the received symbols.

    The second moment of each dimension at each rate level is what the loading says, corrected by what was received as
    far as noise and number of patches allow; a symbol counts by its own noise variance.

    Shapes: received as `ReceivedCodeword`; power_loading [batch, levels, 2] in dB; out [batch, channels, rows, cols],
    zero where nothing was sent. Gradients pass.
    Source: LMMSE, Kay, Fundamentals of Statistical Signal Processing, ch. 12.

    Raises:
        ParameterError: `channels` is out of range, or a length is not in V.

    >>> lengths, y = torch.full((1, 1, 1), 8), torch.ones(1, 1, 1, 8) + 0j
    >>> received = ReceivedCodeword(y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))
    >>> LinearJSCCDecoder()(received=received, power_loading=torch.zeros(1, 8, 2)).shape
    torch.Size([1, 256, 1, 1])
    """

    def __init__(self, *, channels: int = 256, rate_set: RateSet = "default", step: float = DEFAULT_STEP) -> None:
        super().__init__()
        require(isinstance(channels, int) and 0 < channels <= 256, "channels", "an integer in 1..256", channels)
        self.channels, self.step = channels, step
        self.register_buffer("values", torch.tensor(rate_values(rate_set)), persistent=False)

    @full_precision
    def forward(
        self,
        received: ReceivedCodeword,
        power_loading: PowerLoading,
    ) -> Latent:
        dimensions = 2 * received.codeword.shape[-1]
        levels = levels_of(received.lengths, self.get_buffer("values"))
        strength = received.gain.abs().square().clamp_min(1e-20)
        symbols = torch.view_as_real(received.codeword * received.gain.conj() / strength).flatten(-2)
        noise = (received.noise_variance / strength / 2).repeat_interleave(2, -1)
        variance = prior_variance(self.step, dimensions).to(noise)
        scale = of_patch(loaded_amplitude(power_loading, variance), levels) / received.power.sqrt()[:, None, None, None]
        sent = sent_mask(2 * received.lengths, dimensions)
        usual = scale.square() * of_patch(usual_energy(power_loading, variance), levels) * sent
        signal = self._second_moments(symbols, noise, usual, levels)
        estimate = symbols * signal / (signal + noise) / scale * sent
        missing = max(self.channels - dimensions, 0)
        return torch.nn.functional.pad(estimate, (0, missing))[..., : self.channels].movedim(-1, 1)

    def _second_moments(self, received: Tensor, noise: Tensor, usual: Tensor, levels: Tensor) -> Tensor:
        """The usual moments of each level, corrected by what was received as far as its own noise can be trusted."""
        count = len(self.get_buffer("values"))
        trust = (usual > 0) / (1.0 + noise).square()
        measured = level_sums(trust * (received.square() - noise), levels, count)
        expected = level_sums(trust * usual, levels, count).clamp_min(1e-12)
        doubt = level_sums(2 * (trust * (usual + noise)).square(), levels, count)
        total = level_sums(trust, levels, count).clamp_min(1e-30)
        one = torch.ones_like(expected)
        groups = ((..., slice(0, 1)), (..., slice(1, None)))
        common = torch.cat(
            [_corrected(one[g], *(_pooled(x[g]) for x in (measured, expected, doubt))) for g in groups], -1
        )
        ratio = _corrected(common, measured, expected, doubt)
        return of_patch(ratio * expected / total, levels) + 1e-9


def _pooled(sums: Tensor) -> Tensor:
    return sums.sum(-1, keepdim=True).expand_as(sums)


def _corrected(before: Tensor, measured: Tensor, expected: Tensor, doubt: Tensor) -> Tensor:
    # A ratio of unknown size about `before`, seen with variance doubt/expected^2: the posterior mean.
    share = 1.0 / (1.0 + doubt / expected.square())
    return (before + share * (measured / expected - before)).clamp_min(1e-3)
