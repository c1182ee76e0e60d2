"""Which patches are foreground: GenED-SC's semantic importance prediction module (SIPM)."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.vectorizer.layers import SLOPE, scaled_convolution, zero_convolution
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Foreground, ScoreMap

PATCH_CELLS = 2
"""Edge of a patch in places of the features, which are at 1/8 of the picture's size."""
GLOBAL_MAPS = 2
CONTEXT, DILATIONS = 48, (1, 2, 4)
"""Channels of the network that sees the surroundings at 1/16 of the picture's size, and how far its layers reach."""
FURTHEST = 8.0
"""Places that an offset reaches at most."""
TEMPERATURE = 1.0
LEAST_PROBABILITY = 0.3
"""From which a patch is foreground. A salient patch that is missed costs more than one too many."""
LEAST_LOGIT = math.log(LEAST_PROBABILITY / (1 - LEAST_PROBABILITY))


class Routing(NamedTuple):
    """What routes features into two branches."""

    foreground: Foreground
    foreground_logits: Float[Tensor, "batch rows cols"]
    score: ScoreMap
    offsets: Float[Tensor, "batch 2 fine_rows fine_cols"]
    channel_attention: Float[Tensor, "batch channels"]
    spatial_attention: Float[Tensor, "batch fine_rows fine_cols"]


class SemanticImportancePredictor(Block):
    """Tell foreground patches from background ones by features of the picture, and say how to treat both.

    The condition is the features, two maps of a network that sees the surroundings (A_g), and the score map S. S is
    predicted from the features, so that it is there when the link is used; training fits it to saliency
    (`SemanticMatchingLoss`). From the condition come: `foreground`, 1 or 0 for each patch; offsets for the keys of the
    attention; attention over the channels, and over the places.

    In training `foreground` is drawn by Gumbel-softmax, and gradients pass as if it had not been rounded. The paper
    adds Gumbel noise to probabilities; the noise is as large as their whole range, so a sure patch is drawn wrong every
    fourth time. Here it is added to their logarithms; `noise_on="probabilities"` is as printed. In use there is no
    noise: a patch is foreground from a probability of 0.3 on, and of more than `most_share` of the patches the
    likeliest are taken.

    Shapes: features [batch, channels, 2*rows, 2*cols]; foreground and foreground_logits [batch, rows, cols]; score,
    spatial_attention [batch, 2*rows, 2*cols]; offsets [batch, 2, 2*rows, 2*cols] in places, right and down;
    channel_attention [batch, channels]. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 12 to 14; sizes and layers after CAMixerSR, Wang et al., CVPR 2024.
    A patch is described by the mean of its places for each channel, where the paper has the mean over the channels.

    Raises:
        ParameterError: `channels` is under 16, `most_share` is not in (0, 1], or `noise_on` is unknown.

    >>> SemanticImportancePredictor(channels=16)(features=torch.rand(1, 16, 4, 6)).foreground.shape
    torch.Size([1, 2, 3])
    """

    def __init__(self, *, channels: int = 128, most_share: float = 0.5, noise_on: str = "logits") -> None:
        super().__init__()
        require(channels >= 16, "channels", "at least 16", channels)
        require(0 < most_share <= 1, "most_share", "in (0, 1]", most_share)
        require(noise_on in ("logits", "probabilities"), "noise_on", "'logits' or 'probabilities'", noise_on)
        self.most_share, self.noise_on = most_share, noise_on
        width = (channels + GLOBAL_MAPS + 1) // 4
        self.score = nn.Sequential(nn.Conv2d(channels + CONTEXT, width, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(width, 1, 1))
        self.surroundings = _Surroundings(channels)
        self.global_maps = nn.Conv2d(CONTEXT, GLOBAL_MAPS, 1)
        self.trunk = nn.Sequential(
            scaled_convolution(channels + GLOBAL_MAPS + 1, width, 1), nn.GroupNorm(1, width), nn.LeakyReLU(SLOPE)
        )
        self.patches = nn.Sequential(nn.Linear(width + CONTEXT, width), nn.LeakyReLU(SLOPE), nn.Linear(width, 2))
        self.offsets = nn.Sequential(
            scaled_convolution(width, width // 2, 1), nn.LeakyReLU(SLOPE), zero_convolution(width // 2, 2)
        )
        self.channel_attention, self.spatial_attention = nn.Linear(width, channels), nn.Conv2d(width, 1, 3, padding=1)

    @single_precision
    def forward(self, features: Float[Tensor, "batch channels fine_rows fine_cols"]) -> Routing:
        around = self.surroundings(features)
        fine = functional.interpolate(around, scale_factor=PATCH_CELLS)
        score = self.score(torch.cat([features, fine], 1))
        condition = torch.cat([features, functional.leaky_relu(self.global_maps(fine), SLOPE), score], 1)
        trunk = self.trunk(condition)
        described = torch.cat([functional.avg_pool2d(trunk, PATCH_CELLS), around], 1).movedim(1, -1)
        choice = self.patches(described).float()
        logits = choice[..., 1] - choice[..., 0]
        return Routing(
            self._drawn(choice) if self.training else self._likeliest(logits),
            logits,
            score[:, 0].float(),
            FURTHEST * torch.tanh(self.offsets(trunk)),
            torch.sigmoid(self.channel_attention(trunk.mean((2, 3)))),
            torch.sigmoid(self.spatial_attention(trunk))[:, 0],
        )

    def _drawn(self, choice: Tensor) -> Tensor:
        """By Gumbel-softmax, straight through."""
        uniform = torch.rand(choice.shape, generator=self.rng, device=choice.device).clamp(1e-9, 1 - 1e-7)
        score = torch.softmax(choice, -1) if self.noise_on == "probabilities" else torch.log_softmax(choice, -1)
        soft = torch.softmax((score - torch.log(-torch.log(uniform))) / TEMPERATURE, -1)[..., 1]
        return (soft > 0.5).to(soft) + soft - soft.detach()

    def _likeliest(self, logits: Tensor) -> Tensor:
        flat = logits.flatten(1)
        most = max(1, int(self.most_share * flat.shape[1]))
        least = flat.topk(most, 1).values[:, -1:]
        return ((flat > LEAST_LOGIT) & (flat >= least)).to(logits).view(logits.shape)


class _Surroundings(nn.Module):
    """Features at 1/16 of the picture's size, by dilated convolutions, and the mean over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = scaled_convolution(channels, CONTEXT, 1)
        self.layers = nn.ModuleList(
            nn.Conv2d(CONTEXT, CONTEXT, 3, padding=reach, dilation=reach) for reach in DILATIONS
        )
        self.whole = nn.Linear(CONTEXT, CONTEXT)

    def forward(self, features: Tensor) -> Tensor:
        x = functional.leaky_relu(self.enter(functional.avg_pool2d(features, PATCH_CELLS)), SLOPE)
        x = x + self.whole(x.mean((2, 3)))[:, :, None, None]
        for layer in self.layers:
            x = x + functional.leaky_relu(layer(x), SLOPE)
        return x
