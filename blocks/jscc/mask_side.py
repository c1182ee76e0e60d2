"""A patch's share of a mask in a few real dimensions, sent beside its pixels."""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from linksim.types import PATCH

ORDER_DEVIATIONS = (9.9, 3.1, 1.45, 0.86, 0.6, 0.44, 0.36)
"""Of the coefficients of a cosine transform in patches that an outline crosses, by the sum of their frequencies
down and across; measured on 60 training pictures. Higher frequencies are not sent."""
WAVES = tuple((down, order - down) for order in range(len(ORDER_DEVIATIONS)) for down in range(order + 1))
POWER = 2.0
"""Beyond what the pixels' dimensions get: an outline that is wrong costs more than its coefficients say."""
DEVIATIONS = tuple(POWER * ORDER_DEVIATIONS[down + across] for down, across in WAVES)
PRESENCE = 1.5
"""Amplitude that says that a patch holds a kept pixel."""
MASK_DIMENSIONS = 1 + len(WAVES)
SURE = 20.0
"""Largest logit."""


@cache
def _waves() -> Tensor:
    """Orthonormal, [waves, 16, 16]."""
    place = (torch.arange(PATCH) + 0.5) * math.pi / PATCH
    waves = torch.stack(
        [torch.cos(place * n) * math.sqrt((2 if n else 1) / PATCH) for n in range(len(ORDER_DEVIATIONS))]
    )
    return torch.stack([waves[down][:, None] * waves[across] for down, across in WAVES])


def mask_dimensions(kept: Tensor) -> Tensor:
    """Real dimensions [batch, 29, rows, cols] of a mask [batch, 1, height, width] of whole patches: whether the patch
    holds a kept pixel, and the low frequencies of what is left out, which are 0 where all of it is kept. All are 0
    where nothing is."""
    touched = functional.max_pool2d(kept, PATCH)
    waves = _waves().to(kept)[:, None]
    left_out = functional.conv2d(1 - kept, waves, stride=PATCH)
    loaded = left_out / torch.tensor(DEVIATIONS, device=kept.device).sqrt()[:, None, None]
    return torch.cat([torch.full_like(touched, PRESENCE), loaded], 1) * touched


def mask_logits(received: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """From received dimensions and the noise variance of each, [batch, rows, cols, 29]: the log-likelihood ratio of
    each patch's holding a kept pixel [batch, 1, rows, cols], and an estimate of what is left out [batch, 1, height,
    width], 0 to 1."""
    first = received[..., 0]
    ratio = PRESENCE * (first - PRESENCE / 2) / noise[..., 0].clamp_min(1e-6)
    deviation = torch.tensor(DEVIATIONS, device=received.device)
    # Power in proportion to the deviation, and the weight of least squared error.
    weight = deviation.pow(1.5) / (deviation + noise[..., 1:])
    estimate = (received[..., 1:] * weight).movedim(-1, 1)
    left_out = functional.conv_transpose2d(estimate, _waves().to(received)[:, None], stride=PATCH)
    return ratio.clamp(-SURE, SURE)[:, None], left_out
