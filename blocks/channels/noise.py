"""What all flat channels share: y = h x + n on the sent symbols, and the record of what is known."""

import torch
from torch import Tensor

from linksim.types import Decibels, Received, Symbols


def complex_normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Circular complex Gaussian samples of variance 1 (1/2 per real dimension), in the dtype and place of `like`."""
    return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)


def flat_channel(symbols: Symbols, gain: Tensor, snr_db: Decibels, generator: torch.Generator) -> Received:
    """Multiply by `gain` (broadcast to [batch, uses]), add noise of variance N0 = 10^(-snr_db/10) per complex use.

    Nothing is added past `symbols.length`. The receiver knows gain and noise variance: csi "perfect".
    """
    sent = symbols.samples
    noise_variance = (10.0 ** (-snr_db / 10.0))[:, None]
    noise = complex_normal(tuple(sent.shape), sent, generator) * noise_variance.sqrt()
    if not bool((symbols.length == sent.shape[1]).all()):
        noise = noise * symbols.mask
    return Received(
        symbols=Symbols(torch.addcmul(noise, sent, gain), symbols.length),
        gain=gain.expand_as(sent),
        noise_variance=noise_variance.expand(sent.shape),
        overhead=torch.zeros_like(symbols.length),
        csi="perfect",
    )
