"""A map of scores to one score, over a region of interest."""

import torch
from torch import Tensor
from torch.nn import functional


def mean_over(scores: Tensor, size: tuple[int, int], mask: Tensor | None) -> Tensor:
    """Scores [batch, rows, cols] of a picture of `size` pixels averaged over all places, or over the pixels of a mask
    [batch, height, width]; NaN where the mask is empty."""
    if mask is None:
        return scores.mean((1, 2))
    fine = functional.interpolate(scores[:, None], size, mode="bilinear")[:, 0]
    count = mask.sum((1, 2))
    return torch.where(count > 0, (fine * mask).sum((1, 2)) / count.clamp_min(1), torch.nan)
