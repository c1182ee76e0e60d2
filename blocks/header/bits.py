"""Whole numbers as bits, most significant first."""

import torch
from torch import Tensor


def to_bits(numbers: Tensor, width: int) -> Tensor:
    """int64 [...] to uint8 [..., width]."""
    shifts = torch.arange(width - 1, -1, -1)
    return ((numbers[..., None] >> shifts) & 1).byte()


def from_bits(bits: Tensor) -> Tensor:
    """uint8 [..., width] to int64 [...]."""
    shifts = torch.arange(bits.shape[-1] - 1, -1, -1)
    return (bits.long() << shifts).sum(-1)
