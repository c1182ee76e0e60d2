"""Statistics per rate level: how much energy its patches have, and the power loading that follows."""

import torch
from torch import Tensor

from linksim.blocks.jscc.power_loading import on_grid
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.types import sent_mask


def prior_variance(step: float, dimensions: int) -> Tensor:
    """Variances of the KLT latent's real dimensions over all pictures, float [dimensions]; zero beyond the basis."""
    variance = klt_basis()[1] / step**2
    return torch.nn.functional.pad(variance, (0, max(dimensions - len(variance), 0)))[:dimensions]


def level_sums(values: Tensor, levels: Tensor, count: int) -> Tensor:
    """Sums over the patches of each rate level: [batch, rows, cols, n] to [batch, count, n]."""
    chosen = torch.nn.functional.one_hot(levels, count).to(values.dtype)
    return torch.einsum("brcl,brcn->bln", chosen, values)


def sent_dimensions(values: Tensor, dimensions: int) -> Tensor:
    """True where a level sends a real dimension, bool [levels, dimensions]."""
    return sent_mask(2 * values, dimensions)


def level_loading(energy: Tensor, patches: Tensor, weights: Tensor, variance: Tensor, sent: Tensor) -> Tensor:
    """(w_l/a_l)^(1/2) per level in dB, on the header's grid: [batch, levels, 2], first dimension and all others.

    Shapes: energy [batch, levels, dimensions], summed over the patches of each level; patches [batch, levels], how
    many; weights [batch, levels], their summed importance weights of mean 1; variance [dimensions]; sent [levels,
    dimensions]. a_l is the energy of a level's sent dimensions over the usual one. Levels without patches get 0 dB.
    Source: Lee and Petersen, IEEE Trans. Commun. 1976: power proportional to the standard deviation.
    """
    usual = variance * sent * patches[..., None]
    tiny = torch.finfo(energy.dtype).tiny
    first = energy[..., 0] / usual[..., 0].clamp_min(tiny)
    others = (energy * sent)[..., 1:].sum(-1) / usual[..., 1:].sum(-1).clamp_min(tiny)
    scale = torch.stack([first, others], -1).clamp_min(1e-6)
    mean_weight = (weights / patches.clamp_min(1))[..., None].clamp_min(1e-6)
    decibels = 5.0 * torch.log10(mean_weight / scale)
    return on_grid(torch.where((patches > 0)[..., None], decibels, torch.zeros_like(decibels)))


def importance_weight(importance: Tensor, exponent: float) -> Tensor:
    """(2^I)^exponent, scaled to mean 1 over each picture, float like `importance`."""
    weight = torch.exp2(importance.to(torch.get_default_dtype()) * exponent)
    return weight / weight.mean((1, 2), keepdim=True)
