"""Channel estimation from pilots that fill whole OFDM symbols."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

ChannelEstimator = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the pilots' factors as seen, complex [batch, slots, pilot symbols, subcarriers], and their noise variance
[batch], to factor and error variance of every element, each [batch, slots, OFDM symbols, subcarriers]."""


MIN_SHARE = 1e-10


class LeastSquares:
    """The factors at the pilots as they were seen, on straight lines between the OFDM symbols, and beyond them.

    The error variance is that of the noise on the lines, and of how far the channel itself is from straight: with the
    covariance R of the OFDM symbols and the weights w of the lines, R_tt - 2 Re(w R_pt) + w R_pp w^T.
    Source: van de Beek et al., On channel estimation in OFDM systems, VTC 1995.
    """

    def __init__(self, time: Tensor, pilot_symbols: Sequence[int]) -> None:
        first, last = pilot_symbols
        place = (torch.arange(len(time), device=time.device).double() - first) / (last - first)
        self._weights = torch.stack([1 - place, place], 1)
        known = time.real.double()
        pilots = known[list(pilot_symbols)]
        among = (self._weights @ pilots[:, list(pilot_symbols)] * self._weights).sum(1)
        self._bend = (known.diagonal() - 2 * (self._weights * pilots.T).sum(1) + among).clamp_min(0)

    def __call__(self, seen: Tensor, noise_variance: Tensor) -> tuple[Tensor, Tensor]:
        """See `ChannelEstimator`."""
        weights = self._weights.to(seen.real.dtype)
        estimate = torch.einsum("tp,bspf->bstf", weights.to(seen.dtype), seen)
        error = noise_variance[:, None, None, None] * weights.square().sum(1)[:, None]
        error = error + self._bend.to(error.dtype)[:, None]
        return estimate, error.expand(estimate.shape)


class LinearMMSE:
    """The estimate of least mean squared error among the linear ones, over frequency and time at once.

    h = R_tp (x) R_f (R_pp (x) R_f + N0)^-1 seen, with the covariances R_t of the OFDM symbols and R_f of the
    subcarriers: in the eigenvectors of R_pp and R_f the inverse is a division, for every noise variance anew.
    Source: Kay, Fundamentals of Statistical Signal Processing, ch. 12; Li, Cimini and Sollenberger, IEEE Trans. Commun.
    1998, for the separable covariance.
    """

    def __init__(self, time: Tensor, frequency: Tensor, pilot_symbols: Sequence[int]) -> None:
        chosen = torch.tensor(pilot_symbols, device=time.device)
        wide = torch.complex128
        across = time[:, chosen].to(wide)
        time_values, time_vectors = torch.linalg.eigh(time[chosen][:, chosen].to(wide))
        frequency_values, frequency_vectors = torch.linalg.eigh(frequency.to(wide))
        frequency_values = frequency_values.clamp_min(0)
        self._joint = time_values.clamp_min(0)[:, None] * frequency_values
        self._time_in, self._frequency_in = time_vectors.conj().T, frequency_vectors.conj().T
        self._time_out, self._frequency_out = across @ time_vectors, frequency_vectors * frequency_values
        self._power = time.diagonal().real.double()[:, None] * frequency.diagonal().real.double()

    def __call__(self, seen: Tensor, noise_variance: Tensor) -> tuple[Tensor, Tensor]:
        """See `ChannelEstimator`."""
        # Below this share of the strongest direction the covariances are rounding errors.
        noise = noise_variance.double().clamp_min(MIN_SHARE * float(self._joint.max()))
        weight = 1 / (self._joint + noise[:, None, None])
        inner = torch.einsum("ip,jf,bspf->bsij", self._time_in, self._frequency_in, seen.to(torch.complex128))
        inner = inner * weight[:, None]
        estimate = torch.einsum("ti,fj,bsij->bstf", self._time_out, self._frequency_out, inner)
        known = torch.einsum(
            "ti,fj,bij->btf", self._time_out.abs().square(), self._frequency_out.abs().square(), weight
        )
        error = (self._power - known).clamp_min(0)[:, None].expand(estimate.shape)
        return estimate.to(seen.dtype), error.to(seen.real.dtype)
