"""Attention that a mask guides (MGA)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Mask

KERNEL, SHARED, GROUPS = 3, 8, 4
"""Edge of the dynamic kernels, channels that share one, and groups of the convolution that makes the keys."""
FEWEST = 32
"""Hidden channels of the fusion at the least."""


class MaskGuidedAttention(Block):
    """Enhance features where a mask is set, by convolutions whose kernels depend on mask and place.

    The query q is a convolution of the mask, with a sigmoid; the key k (static context) a grouped 3x3 convolution of
    the features. From both a small network makes one 3x3 kernel for each place and each 8 channels, which filters the
    values: d (dynamic context). Attention over the channels weighs d against k. The result is added to the features
    times a learned gain that starts at 0, so that a codec trained without MGA is the start.

    Groups are normalised where UIDSC normalises batches: see `StateAwareBlock`.

    Shapes: features [batch, channels, rows, cols]; mask [batch, height, width], averaged over the pixels of each place;
    out as features. Gradients pass.
    Source: UIDSC (arXiv 2508.05884), section III-B; the sizes of CoTNet, Li et al., IEEE TPAMI 2023.

    Raises:
        ParameterError: `channels` is no positive multiple of 8.

    >>> features, mask = torch.ones(1, 8, 4, 4), torch.ones(1, 16, 16, dtype=torch.bool)
    >>> bool((MaskGuidedAttention(channels=8)(features=features, mask=mask) == features).all())
    True
    """

    def __init__(self, *, channels: int = 64) -> None:
        super().__init__()
        require(channels > 0 and channels % SHARED == 0, "channels", f"a positive multiple of {SHARED}", channels)
        kernels = channels // SHARED
        self.query = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), _normalized(channels), nn.Sigmoid())
        self.key = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=GROUPS, bias=False), _normalized(channels), nn.ReLU()
        )
        self.value = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), _normalized(channels))
        self.kernels = nn.Sequential(
            nn.Conv2d(2 * channels, channels // 2, 1, bias=False),
            nn.GroupNorm(1, channels // 2),
            nn.ReLU(),
            nn.Conv2d(channels // 2, KERNEL**2 * kernels, 1),
            nn.GroupNorm(kernels, KERNEL**2 * kernels),
        )
        self.finish = nn.Sequential(_normalized(channels), nn.SiLU())
        hidden = max(channels // 2, FEWEST)
        self.fusion = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 2 * channels, 1))
        self.gain = nn.Parameter(torch.zeros(()))

    @single_precision
    def forward(
        self, features: Float[Tensor, "batch channels rows cols"], mask: Mask
    ) -> Float[Tensor, "batch channels rows cols"]:
        seen = functional.adaptive_avg_pool2d(mask[:, None].to(features.dtype), (features.shape[2], features.shape[3]))
        key = self.key(features)
        kernels = self.kernels(torch.cat([self.query(seen), key], 1))
        dynamic = self.finish(dynamic_convolution(self.value(features), kernels))
        mean = (dynamic + key).mean((2, 3), keepdim=True)
        share = torch.softmax(self.fusion(mean).unflatten(1, (2, -1)), 1)
        return features + self.gain * (share[:, 0] * dynamic + share[:, 1] * key)


def dynamic_convolution(values: Tensor, kernels: Tensor) -> Tensor:
    """Each place filtered by kernels of its own: values [batch, channels, rows, cols], kernels [batch, 9*channels/8,
    rows, cols], the nine taps of channels 0 to 7 first, row by row; beyond the edge are zeros."""
    batch, channels, rows, cols = values.shape
    around = functional.unfold(values, KERNEL, padding=KERNEL // 2)
    around = around.view(batch, channels // SHARED, SHARED, KERNEL**2, rows, cols)
    weights = kernels.view(batch, channels // SHARED, 1, KERNEL**2, rows, cols)
    return (around * weights).sum(3).reshape(batch, channels, rows, cols)


def _normalized(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // SHARED, channels)
