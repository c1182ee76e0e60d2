"""The branch of the background: few convolutions, with attention over channels and places (CBAM)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.foreground import at_places
from linksim.blocks.vectorizer.layers import SLOPE, ResidualBlock, scaled_convolution, zero_convolution
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Foreground

REDUCTION, SPATIAL_KERNEL = 16, 7


class CBAM(nn.Module):
    """Attention over the channels, by mean and maximum over the places, then over the places, by those over channels.

    Shapes: x [batch, channels, rows, cols]; out the same.
    Source: Woo et al., ECCV 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 4)
        self.channels = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.places = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.channels(x.mean((2, 3))) + self.channels(x.amax((2, 3)))
        x = x * torch.sigmoid(gate)[:, :, None, None]
        seen = torch.stack([x.mean(1), x.amax(1)], 1)
        return x * torch.sigmoid(self.places(seen))


class _Refinement(nn.Module):
    """What is added to the background's features; zero at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.layers = nn.Sequential(
            scaled_convolution(channels, hidden), nn.LeakyReLU(SLOPE), ResidualBlock(hidden, kernel=1), CBAM(hidden)
        )
        self.out = zero_convolution(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x))


class BackgroundEncoder(Block):
    """Refine the background's features by residual convolutions with CBAM, its channels weighed by the predictor.

    Shapes: features [batch, channels, 2*rows, 2*cols]; foreground [batch, rows, cols]; channel_attention [batch,
    channels]; out as features, zero in the foreground. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 5 and 19.

    Raises:
        ParameterError: `channels` is under 2.

    >>> features, foreground = torch.ones(1, 8, 2, 4), torch.tensor([[[1.0, 0.0]]])
    >>> BackgroundEncoder(channels=8)(
    ...     features=features, foreground=foreground, channel_attention=torch.ones(1, 8))[0, 0, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    def __init__(self, *, channels: int = 128) -> None:
        super().__init__()
        require(channels >= 2, "channels", "at least 2", channels)
        self.refinement = _Refinement(channels)

    @single_precision
    def forward(
        self,
        features: Float[Tensor, "batch channels fine_rows fine_cols"],
        foreground: Foreground,
        channel_attention: Float[Tensor, "batch channels"],
    ) -> Float[Tensor, "batch channels fine_rows fine_cols"]:
        outside = 1 - at_places(foreground)
        kept = features * outside
        return kept + outside * self.refinement(kept * channel_attention[:, :, None, None])


class BackgroundDecoder(Block):
    """Refine the background's received features: `BackgroundEncoder`'s other end.

    Shapes: features [batch, channels, 2*rows, 2*cols]; foreground [batch, rows, cols], 0 to 1; out as features, times
    1 - foreground. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 9.

    Raises:
        ParameterError: `channels` is under 2.

    >>> features, foreground = torch.ones(1, 8, 2, 4), torch.tensor([[[1.0, 0.0]]])
    >>> BackgroundDecoder(channels=8)(features=features, foreground=foreground)[0, 0, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    def __init__(self, *, channels: int = 128) -> None:
        super().__init__()
        require(channels >= 2, "channels", "at least 2", channels)
        self.refinement = _Refinement(channels)

    @single_precision
    def forward(
        self, features: Float[Tensor, "batch channels fine_rows fine_cols"], foreground: Foreground
    ) -> Float[Tensor, "batch channels fine_rows fine_cols"]:
        outside = 1 - at_places(foreground)
        kept = features * outside
        return kept + outside * self.refinement(kept)


class BranchFusion(Block):
    """Both branches together: their sum, and what a network makes of both side by side.

    Shapes: foreground, background [batch, channels, rows, cols]; out the same. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 10; the network is linksim's.

    Raises:
        ParameterError: `channels` is under 2.

    >>> branches = {"foreground": torch.ones(1, 8, 2, 2), "background": torch.zeros(1, 8, 2, 2)}
    >>> BranchFusion(channels=8)(**branches)[0, 0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, *, channels: int = 128) -> None:
        super().__init__()
        require(channels >= 2, "channels", "at least 2", channels)
        hidden = channels // 2
        self.enter = scaled_convolution(2 * channels, hidden, 1)
        self.layers = ResidualBlock(hidden, kernel=1)
        self.out = zero_convolution(hidden, channels)

    @single_precision
    def forward(
        self,
        foreground: Float[Tensor, "batch channels rows cols"],
        background: Float[Tensor, "batch channels rows cols"],
    ) -> Float[Tensor, "batch channels rows cols"]:
        seen = functional.leaky_relu(self.enter(torch.cat([foreground, background], 1)), SLOPE)
        return foreground + background + self.out(self.layers(seen))
