"""The linear part of the learned joint coder: spatial prefilter, a matrix and a gain per rate, Wiener weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional

FILTERED = 2
"""The first latent channels, brightness and the stronger colour: so alike in neighbouring patches that sending them
whitened in space saves power."""
TAPS, INVERSE_TAPS = 7, 13
MIN_MOMENT = 1e-4
MIN_ENERGY = 1e-3
MIN_STRENGTH, MAX_STRENGTH = 0.01, 20.0
PRIOR_COUNT = 4.0
"""The usual power counts as so many noiseless dimensions."""


class LinearEncoderCore(nn.Module):
    """y = g_l(SNR) * W_l F x/s at rate level l: F whitens the first channels in space, W_l has 2 v_l rows, s scales.

    Starts as power loading in closed form: F and W_l the identity, g_l the variance of x to the power 1/4.
    Shapes: latent [batch, channels, rows, cols]; levels and snr_db [batch, rows, cols]; out
    [batch, 2*max(V), rows, cols], zero past 2k.
    Source: Lee and Petersen, IEEE Trans. Commun. 1976; a matrix per rate, NTSCC (Dai et al., IEEE JSAC 2022).
    """

    def __init__(self, deviation: Tensor, values: tuple[int, ...]) -> None:
        super().__init__()
        dimensions = 2 * max(values)
        # Everything learned is about one: a step of the optimizer then means the same for strong and weak channels.
        self.register_buffer("deviation", deviation[:, None, None].clone())
        self.filter = SpatialFilter(unit_impulse(TAPS))
        self.matrices = nn.ParameterList(diagonal(torch.ones_like(deviation), 2 * v).T.contiguous() for v in values)
        self.log_gain = nn.Parameter((widened(deviation, dimensions).log() / 2).expand(len(values), -1).clone())
        self.slope = nn.Parameter(torch.zeros(len(values), dimensions))

    def forward(self, latent: Tensor, levels: Tensor, snr_db: Tensor) -> Tensor:
        with torch.autocast(latent.device.type, enabled=False):
            x = self.filter(latent.float() / self.get_buffer("deviation")).movedim(1, -1)
            excess = ((snr_db - 10.0) / 10.0)[..., None]
            gain = torch.exp(of_level(self.log_gain, levels) + of_level(self.slope, levels) * excess)
            return (per_level(x, levels, self.matrices, self.slope.shape[1]) * gain).movedim(-1, 1)


class LinearDecoderCore(nn.Module):
    """x = s F^-1 B_l (m_l^(1/2) r/(r m_l + n) y) at rate level l: m_l the learned power of each dimension, n its noise,
    r how much stronger the patch's dimensions came than is usual at its rate.

    Shapes: received, noise and sent [batch, 2*max(V), rows, cols], in the units of the encoder's output; levels
    [batch, rows, cols]; out: latent [batch, channels, rows, cols]; the weighted symbols, of about unit size; the log of
    received over usual energy, [batch, levels, rows, cols], one for the dimensions that each level adds to the last.
    Source: LMMSE, Kay, Fundamentals of Statistical Signal Processing, ch. 12.
    """

    def __init__(self, deviation: Tensor, values: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("deviation", deviation[:, None, None].clone())
        self.filter = SpatialFilter(unit_impulse(INVERSE_TAPS))
        self.matrices = nn.ParameterList(diagonal(torch.ones_like(deviation), 2 * value) for value in values)
        bounds = torch.tensor([0, *values]) * 2
        place = torch.arange(2 * max(values))
        groups = (place >= bounds[:-1, None]) & (place < bounds[1:, None])
        self.register_buffer("groups", groups.float(), persistent=False)
        moments = widened(deviation, 2 * max(values))
        self.log_moments = nn.Parameter(moments.log().expand(len(values), -1).clone())

    def forward(self, received: Tensor, noise: Tensor, sent: Tensor, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(received.device.type, enabled=False):
            moments = of_level(self.log_moments, levels).movedim(-1, 1).exp() + MIN_MOMENT
            strength = self._strength(received, noise, moments, sent)
            weighted = received * (strength * moments.sqrt() / (strength * moments + noise)) * sent
            latent = per_level(weighted.movedim(1, -1), levels, self.matrices, self.matrices[0].shape[1])
            ratio = received.square() / (moments + noise) * sent
            latent = self.filter(latent.movedim(-1, 1)) * self.get_buffer("deviation")
            return latent, weighted, self._log_energy(ratio, sent)

    def _strength(self, received: Tensor, noise: Tensor, moments: Tensor, sent: Tensor) -> Tensor:
        """How much more power a patch's dimensions have than is usual at its rate, from what was received."""
        groups = self.get_buffer("groups")
        trust = sent / (1.0 + noise / moments).square()
        excess, count = (
            torch.einsum("gn,bnij->bgij", groups, x) for x in (trust * (received.square() - noise) / moments, trust)
        )
        ratio = ((excess + PRIOR_COUNT) / (count + PRIOR_COUNT)).clamp(MIN_STRENGTH, MAX_STRENGTH)
        return torch.einsum("gn,bgij->bnij", groups, ratio)

    def _log_energy(self, ratio: Tensor, sent: Tensor) -> Tensor:
        groups = self.get_buffer("groups")
        count = torch.einsum("gn,bnij->bgij", groups, sent.to(ratio))
        mean = torch.einsum("gn,bnij->bgij", groups, ratio) / count.clamp_min(1)
        return torch.log(mean + MIN_ENERGY) * (count > 0)


class SpatialFilter(nn.Module):
    """A filter of its own over rows and columns for each of the first channels; the others pass."""

    def __init__(self, kernels: Tensor) -> None:
        super().__init__()
        self.kernels = nn.Parameter(kernels)

    def forward(self, latent: Tensor) -> Tensor:
        count, _, taps, _ = self.kernels.shape
        first = functional.pad(latent[:, :count], (taps // 2,) * 4, mode="replicate")
        return torch.cat([functional.conv2d(first, self.kernels, groups=count), latent[:, count:]], 1)


def per_level(x: Tensor, levels: Tensor, matrices: nn.ParameterList, outputs: int) -> Tensor:
    """Each patch times the matrix of its level: [batch, rows, cols, n] to [batch, rows, cols, outputs].

    A matrix is [inputs, outputs]; it takes the first inputs of the patch, and outputs that it lacks are zero.
    """
    out = x.new_zeros(*x.shape[:-1], outputs)
    for level, matrix in enumerate(matrices):
        chosen = levels == level
        inputs, given = matrix.shape
        out[chosen] = functional.pad(x[chosen][:, :inputs] @ matrix, (0, outputs - given))
    return out


def of_level(table: Tensor, levels: Tensor) -> Tensor:
    """The row of each patch's level, [batch, rows, cols, n]: as a product, whose gradient adds up in a fixed order."""
    return functional.one_hot(levels, len(table)).to(table) @ table


def unit_impulse(taps: int) -> Tensor:
    """Kernels that change nothing, [filtered channels, 1, taps, taps]."""
    kernels = torch.zeros(FILTERED, 1, taps, taps)
    kernels[:, :, taps // 2, taps // 2] = 1.0
    return kernels


def widened(deviation: Tensor, dimensions: int) -> Tensor:
    """As many entries as there are dimensions: cut, or the last one repeated."""
    missing = max(dimensions - len(deviation), 0)
    return functional.pad(deviation, (0, missing), value=float(deviation[-1]) if not deviation.is_meta else 1.0)[
        :dimensions
    ]


def diagonal(values: Tensor, size: int) -> Tensor:
    """[size, len(values)] with the values on its diagonal."""
    matrix = values.new_zeros(size, len(values))
    count = min(size, len(values))
    matrix[range(count), range(count)] = values[:count]
    return matrix
