"""What every learned receiver does first: the gain undone, complex symbols as real dimensions."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.types import ReceivedCodeword

MIN_STRENGTH = 1e-9


def undo_fading(received: ReceivedCodeword, dimensions: int, amplitude: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
    """Symbols over their gain, and their noise variance per real dimension, both [batch, rows, cols, dimensions].

    `amplitude`, which broadcasts to the symbols, is what they were scaled by on purpose, beside the channel's gain.
    2*kmax is at most `dimensions`; what is missing to these is 0 with noise variance 1.
    """
    gain = received.gain * amplitude
    strength = gain.abs().square().clamp_min(MIN_STRENGTH)
    symbols = torch.view_as_real((received.codeword * gain.conj() / strength).contiguous()).flatten(-2)
    noise = (received.noise_variance / strength / 2).repeat_interleave(2, -1)
    missing = dimensions - symbols.shape[-1]
    return functional.pad(symbols, (0, missing)), functional.pad(noise, (0, missing), value=1.0)


def to_symbols(dimensions: Tensor) -> Tensor:
    """[batch, 2*kmax, rows, cols] real to complex [batch, rows, cols, kmax]."""
    return torch.view_as_complex(dimensions.float().movedim(1, -1).unflatten(-1, (-1, 2)).contiguous())


def received_snr_db(noise: Tensor, sent: Tensor) -> Tensor:
    """The SNR of a picture's symbols of mean power 1, [batch], from the noise per real dimension of those sent."""
    mean = 2 * (noise * sent).sum((1, 2, 3)) / sent.sum((1, 2, 3)).clamp_min(1)
    return -10 * torch.log10(mean.clamp(1e-4, 1e2))
