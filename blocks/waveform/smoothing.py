"""The gain at each block of pilots, from all blocks of its burst."""

from typing import NamedTuple

import torch
from torch import Tensor

NEARBY = 2


class Smoothed(NamedTuple):
    """Gains, complex [batch, blocks]; the variance of their errors, float [batch, blocks]; and the variance of a step
    from one block to the next, float [batch]."""

    values: Tensor
    variance: Tensor
    walk: Tensor


def smoothed(gains: Tensor, counts: Tensor, noise_variance: Tensor) -> Smoothed:
    """The least-squares estimate of gains that walk at random, from measurements complex [batch, blocks].

    A measurement's error has the variance noise_variance / counts, [batch] over [batch, blocks]; where the count is 0
    there is none. How far the gain walks is measured too. Source: Rauch, Tung and Striebel, AIAA Journal 1965.
    """
    there = counts > 0
    error = noise_variance[:, None] / counts.clamp_min(1)
    walk = _walk(gains, error, there)
    estimate, variance = gains[:, 0].to(torch.complex128), error[:, 0]
    forward = [(estimate, variance)]
    for block in range(1, gains.shape[1]):
        predicted = variance + walk
        trust = torch.where(there[:, block], predicted / (predicted + error[:, block]), 0)
        estimate = estimate + trust * (gains[:, block] - estimate)
        variance = (1 - trust) * predicted
        forward.append((estimate, variance))
    values, variances = [estimate], [variance]
    for past, spread in reversed(forward[:-1]):
        share = spread / (spread + walk)
        values.append(past + share * (values[-1] - past))
        variances.append(spread + share.square() * (variances[-1] - spread - walk))
    values, variances = torch.stack(values[::-1], 1), torch.stack(variances[::-1], 1)
    return Smoothed(values.to(gains.dtype), variances.to(gains.real.dtype), walk)


def nearby(gains: Tensor, counts: Tensor) -> Tensor:
    """Each block's gain as the mean over it and up to `NEARBY` blocks on either side, weighted by their counts."""

    def total(values: Tensor) -> Tensor:
        sums = torch.nn.functional.pad(values.cumsum(1), (NEARBY + 1, 0))
        sums = torch.cat([sums, sums[:, -1:].expand(-1, NEARBY)], 1)
        return sums[:, 2 * NEARBY + 1 :] - sums[:, : -2 * NEARBY - 1]

    return total(gains * counts) / total(counts).clamp_min(1)


def _walk(gains: Tensor, error: Tensor, there: Tensor) -> Tensor:
    """The variance of a step, float64 [batch]: that by which blocks differ beyond what their errors explain, less three
    standard deviations of that, because in a short burst a walk that is not there costs the more. A slow walk shows
    only between distant blocks: of several distances that counts which shows the most."""
    walk = torch.zeros(len(gains), dtype=torch.float64, device=gains.device)
    lag = 1
    while lag == 1 or 4 * lag <= gains.shape[1]:
        pairs = (there[:, lag:] & there[:, :-lag]).double()
        count = pairs.sum(1).clamp_min(1)
        seen = ((gains[:, lag:] - gains[:, :-lag]).abs().square().double() * pairs).sum(1) / count
        explained = ((error[:, lag:] + error[:, :-lag]) * pairs).sum(1) / count
        # Differences of overlapping pairs hang together.
        deviation = explained / (count / lag).clamp_min(1).sqrt()
        walk = torch.maximum(walk, (seen - explained - 3 * deviation) / lag)
        lag *= 4
    return walk
