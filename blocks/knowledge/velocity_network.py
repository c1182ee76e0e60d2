"""The network of the picture flow: where noise should move, so that it becomes the picture of a sentence."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.vectorizer.layers import zero_convolution

CONDITION, GROUPS, HEADS = 192, 8, 4
WIDTHS = (64, 128)
"""Channels at a half and at a quarter of the picture's size."""
SHORTEST_PERIOD, LONGEST_PERIOD = 1e-3, 1.0
"""Of the sines that tell the time, which runs from 0 to 1."""


class VelocityNetwork(nn.Module):
    """A U-Net on pictures [batch, 3, height, width] of sizes that 4 divides.

    Source: Ronneberger et al., MICCAI 2015; conditioned as Dhariwal and Nichol, NeurIPS 2021.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = WIDTHS
        self.time = nn.Sequential(nn.Linear(64, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION))
        self.first = nn.Conv2d(12, fine, 3, padding=1)
        self.fine_down = ConditionedBlock(fine, fine)
        self.down = nn.Conv2d(fine, coarse, 2, 2)
        self.coarse = nn.ModuleList(ConditionedBlock(coarse, coarse) for _ in range(4))
        self.mixing = nn.ModuleList(PlaceAttention(coarse) for _ in range(2))
        self.up = nn.Conv2d(coarse, fine, 3, padding=1)
        self.fine_up = nn.ModuleList([ConditionedBlock(2 * fine, fine), ConditionedBlock(fine, fine)])
        self.norm, self.last = nn.GroupNorm(GROUPS, fine), zero_convolution(fine, 12, 3)

    def forward(self, noisy: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """The velocity at `time` [batch] in 0..1, 1 being the picture, for a condition [batch, 192]."""
        known = functional.silu(condition + self.time(_sines(time)))
        features = fine = self.fine_down(self.first(functional.pixel_unshuffle(noisy, 2)), known)
        features = self.down(features)
        for block, mixing in zip(self.coarse[:2], self.mixing, strict=True):
            features = mixing(block(features, known))
        for block in self.coarse[2:]:
            features = block(features, known)
        features = torch.cat([self.up(functional.interpolate(features, scale_factor=2.0)), fine], 1)
        for block in self.fine_up:
            features = block(features, known)
        return functional.pixel_shuffle(self.last(functional.silu(self.norm(features))), 2)


class ConditionedBlock(nn.Module):
    """Two convolutions beside a shortcut, their features scaled and shifted by the condition."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first_norm, self.norm = nn.GroupNorm(GROUPS, inputs), nn.GroupNorm(GROUPS, outputs)
        self.first, self.second = nn.Conv2d(inputs, outputs, 3, padding=1), zero_convolution(outputs, outputs, 3)
        self.condition = nn.Linear(CONDITION, 2 * outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, known: Tensor) -> Tensor:
        """features [batch, inputs, rows, columns], known [batch, 192]."""
        scale, shift = self.condition(known)[..., None, None].chunk(2, 1)
        inner = self.norm(self.first(functional.silu(self.first_norm(features)))) * (1 + scale) + shift
        return self.shortcut(features) + self.second(functional.silu(inner))


class PlaceAttention(nn.Module):
    """Attention between all places of the features, zero at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.parts, self.out = nn.Conv2d(channels, 3 * channels, 1), zero_convolution(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """features [batch, channels, rows, columns]."""
        flat = self.parts(self.norm(features)).flatten(2).unflatten(1, (3, HEADS, -1)).transpose(-1, -2)
        mixed = functional.scaled_dot_product_attention(*flat.unbind(1))
        return features + self.out(mixed.transpose(-1, -2).flatten(1, 2).unflatten(-1, features.shape[-2:]))


def _sines(time: Tensor) -> Tensor:
    """The time as sines and cosines, [batch, 64]."""
    octaves = torch.linspace(math.log(LONGEST_PERIOD), math.log(SHORTEST_PERIOD), 32, device=time.device)
    angle = 2 * math.pi * time[:, None] / octaves.exp()
    return torch.cat([angle.sin(), angle.cos()], 1)
