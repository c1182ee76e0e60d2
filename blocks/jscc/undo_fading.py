"""What every learned receiver does first: the gain undone, complex symbols as real dimensions."""

import torch
from torch import Tensor
from torch.nn import functional

LEAST_STRENGTH = 1e-9


def undo_fading(codeword: Tensor, gain: Tensor, noise_variance: Tensor, dimensions: int) -> tuple[Tensor, Tensor]:
    """Symbols over their gain, and their noise variance per real dimension, both [batch, rows, cols, dimensions].

    Shapes: codeword and gain complex, noise_variance real, [batch, rows, cols, kmax] with 2*kmax at most `dimensions`;
    what is missing to these is 0 with noise variance 1.
    """
    strength = gain.abs().square().clamp_min(LEAST_STRENGTH)
    received = torch.view_as_real((codeword * gain.conj() / strength).contiguous()).flatten(-2)
    noise = (noise_variance / strength / 2).repeat_interleave(2, -1)
    missing = dimensions - received.shape[-1]
    return functional.pad(received, (0, missing)), functional.pad(noise, (0, missing), value=1.0)


def to_symbols(dimensions: Tensor) -> Tensor:
    """[batch, 2*kmax, rows, cols] real to complex [batch, rows, cols, kmax]."""
    return torch.view_as_complex(dimensions.float().movedim(1, -1).unflatten(-1, (-1, 2)).contiguous())
