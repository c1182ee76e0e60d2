"""The frequency of values at known places: the peak of their periodogram, and how well noise lets it be known."""

import math

import torch
from torch import Tensor

from linksim.blocks.waveform.detection import vertex

CANDIDATES, CLOSER = 8, 8


def peak_turn(values: Tensor, places: Tensor, reach: float, extent: float) -> Tensor:
    """By how many radians per place complex values [batch, n] at places [batch, n] turn, float64 [batch]: the peak of
    their periodogram within `reach`, of places that cover `extent`."""
    step = 2 * math.pi / (4 * extent)
    steps = min(max(math.ceil(reach / step), 2), 512)
    grid = (torch.arange(-steps, steps + 1, device=places.device) * step).expand(len(values), -1)
    # Of blocks that stand far apart several turns are nearly as good: the best few are looked at closely.
    best = grid.gather(1, _power(values, places, grid).topk(min(CANDIDATES, grid.shape[1]), 1).indices)
    near = torch.linspace(-1, 1, 2 * CLOSER + 1, device=places.device, dtype=torch.float64) * step
    close = (best[..., None] + near).flatten(1)
    power = _power(values, places, close)
    inside = torch.arange(power.shape[1], device=places.device) % len(near)
    inner = (inside > 0) & (inside < len(near) - 1)
    top = torch.where(inner, power, -1.0).argmax(1)
    around = torch.stack([power.gather(1, (top + shift)[:, None])[:, 0] for shift in (-1, 0, 1)], 1)
    return close.gather(1, top[:, None])[:, 0] + step / CLOSER * vertex(around)


def _power(values: Tensor, places: Tensor, turns: Tensor) -> Tensor:
    """The periodogram at turns in radians per place, [batch, turns]."""
    phase = torch.remainder(-turns[..., None] * places[:, None], 2 * math.pi).to(values.real.dtype)
    return (values[:, None] * torch.polar(torch.ones_like(phase), phase)).sum(-1).abs().square()


def frequency_deviation(weight: Tensor, places: Tensor) -> Tensor:
    """The Cramér-Rao bound of a frequency's deviation in radians per place, [batch].

    `weight` is the energy over the noise variance of what is known at each place, [batch, n]. Source: Rife and
    Boorstyn, IEEE Trans. Inf. Theory 1974.
    """
    total = weight.sum(1, keepdim=True).clamp_min(1e-30)
    middle = (weight * places).sum(1, keepdim=True) / total
    return (2 * (weight * (places - middle).square()).sum(1)).clamp_min(1e-30).rsqrt()
