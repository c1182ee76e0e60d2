"""Frames as a channel hands them on: those that were read, and the erasures."""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.types import Received, Symbols, SynchronisationEstimate


class Taken(NamedTuple):
    """Symbols without phase and mean amplitude, complex [rows, n]; gain and noise variance likewise; Es/N0 [rows]."""

    samples: Tensor
    gain: Tensor
    noise_variance: Tensor
    snr: Tensor


ReadRows = tuple[Tensor, Taken, SynchronisationEstimate]
"""Which rows of a batch were read, int64 [rows], what was taken from them, and their estimates."""


def put_together(
    like: Tensor, length: Tensor, overhead: Tensor, read: ReadRows | None, width: int | None
) -> tuple[Received, SynchronisationEstimate]:
    """The rows of a batch, of frames of these lengths, 0 for erasures.

    `width` is that of the result, or None for the longest frame. An erasure has samples 0, gain 0 and noise variance 1:
    soft values of it are 0.
    """
    most = max(int(length.max()) if len(length) else 0, 1) if width is None else width
    shape, dtype, device = (len(length), most), like.dtype, like.device
    samples = torch.zeros(shape, dtype=dtype, device=device)
    gain, noise = torch.zeros_like(samples), torch.ones(shape, dtype=dtype.to_real(), device=device)
    nothing = torch.full((len(length),), math.nan, device=device, dtype=torch.float64)
    found, values = length > 0, dict.fromkeys(SynchronisationEstimate.measured(), nothing)
    if read is not None:
        rows, taken, some = read
        size = (0, most - taken.samples.shape[1])
        samples = samples.index_copy(0, rows, torch.nn.functional.pad(taken.samples, size))
        gain = gain.index_copy(0, rows, torch.nn.functional.pad(taken.gain, size).to(dtype))
        noise = noise.index_copy(0, rows, torch.nn.functional.pad(taken.noise_variance, size, value=1.0))
        values = {name: nothing.index_copy(0, rows, getattr(some, name).double()) for name in values}
    symbols = Symbols(samples, length)
    received = Received(Symbols(samples * symbols.mask, length), gain, noise, overhead, "estimated")
    return received, SynchronisationEstimate(found, **values)


def billed(received: Received, lost_overhead: Tensor, found: Tensor) -> Received:
    """With the uses of frames that were lost, which only a simulation knows."""
    return replace(received, overhead=torch.where(found, received.overhead, lost_overhead))
