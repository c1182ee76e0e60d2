"""What all flat channels share: y = h x + n on the sent symbols, and the record of what is known."""

import torch
from torch import Tensor

from linksim.errors import LinksimError
from linksim.types import Decibels, Received, Symbols

MIN_NOISE_VARIANCE = 1e-20
"""So that an infinite SNR gives finite soft values."""


def complex_normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Circular complex Gaussian samples of variance 1 (1/2 per real dimension), in the dtype and place of `like`."""
    return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)


def flat_channel(symbols: Symbols, gain: Tensor | None, snr_db: Decibels, generator: torch.Generator) -> Received:
    """Multiply by `gain` (broadcast to [batch, uses], None for 1), add noise of variance N0 = 10^(-snr_db/10) per
    complex use.

    N0 is at least 1e-20. Nothing is added past `symbols.length`. The receiver knows gain and noise variance: csi
    "perfect". Raises `LinksimError` where an SNR is NaN.
    """
    if bool(snr_db.isnan().any()):
        raise LinksimError("snr_db must be a number for every frame (got NaN)")
    sent = symbols.samples
    noise_variance = (10.0 ** (-snr_db / 10.0)).clamp_min(MIN_NOISE_VARIANCE)[:, None]
    amplitude = noise_variance.sqrt()
    if not bool((symbols.length == sent.shape[1]).all()):
        amplitude = amplitude * symbols.mask
    noise = complex_normal(tuple(sent.shape), sent, generator)
    faded = sent if gain is None else sent * gain
    gain = torch.ones((), dtype=sent.dtype, device=sent.device) if gain is None else gain
    return Received(
        symbols=Symbols(torch.addcmul(faded, noise, amplitude), symbols.length),
        gain=gain.expand_as(sent),
        noise_variance=noise_variance.expand(sent.shape),
        overhead=torch.zeros_like(symbols.length),
        csi="perfect",
    )
