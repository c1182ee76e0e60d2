"""Smoothing of the rate map: fewer changes cost fewer header bits."""

import torch
from torch import Tensor


def quantize(raw: Tensor, values: Tensor) -> Tensor:
    """The level of the value of V nearest to each wished length; ties go up (SA-OOSC eq. 16)."""
    middles = (values[1:] + values[:-1]).to(raw) / 2
    return torch.bucketize(raw, middles, right=True)


def quantize_smoothly(raw: Tensor, values: Tensor, strength: float) -> Tensor:
    """As `quantize`, but keep the western neighbour's level where that is within one step and nearly as good.

    Shapes: raw [rows, cols], wished lengths in complex uses; out [rows, cols], levels. Nearly as good: the wish lies
    past the decision threshold by less than `strength` times half the gap between the two values.
    """
    levels = quantize(raw, values)
    v = values.to(raw)
    middles = (v[1:] + v[:-1]) / 2
    margin = strength * (v[1:] - v[:-1]) / 2
    infinite = torch.full((1,), torch.inf, dtype=raw.dtype, device=raw.device)
    above = torch.cat([middles + margin, infinite])
    below = torch.cat([-infinite, middles - margin])
    columns = [levels[:, 0]]
    for col in range(1, levels.shape[1]):
        west, here, wish = columns[-1], levels[:, col], raw[:, col]
        keep = ((here - west).abs() == 1) & (wish < above[west]) & (wish >= below[west])
        columns.append(torch.where(keep, west, here))
    return torch.stack(columns, 1)
