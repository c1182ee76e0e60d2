"""The transform `conv`: dense residual convolutions beside a KLT."""

import torch
from torch import Tensor, nn

from linksim.blocks.vectorizer.klt import klt_basis
from linksim.blocks.vectorizer.layers import ResidualBlock, scaled_convolution, zero_convolution
from linksim.types import PATCH

TOKEN = 4
WIDTHS = (64, 128, 192)
"""Channels at 1/4, 1/8 and 1/16 of the picture's size."""


def token_basis(channels: int) -> Tensor:
    """The KLT's eigenvectors as kernels over 4x4 cells of tokens, [channels, 48, 4, 4]."""
    blocks = klt_basis()[0][:channels].reshape(channels, 3, PATCH, PATCH)
    return nn.functional.pixel_unshuffle(blocks, TOKEN)


class ConvAnalysis(nn.Module):
    """Tokens of 4x4 pixels, centred, to the latent: KLT + network, whose last layer starts at zero.

    Shapes: tokens [batch, 48, height/4, width/4]; out [batch, channels, height/16, width/16] in units of `step`.
    """

    def __init__(self, channels: int, step: float) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.klt = nn.Conv2d(3 * TOKEN * TOKEN, channels, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(channels) / step)
        self.network = nn.Sequential(
            scaled_convolution(3 * TOKEN * TOKEN, fine),
            ResidualBlock(fine),
            scaled_convolution(fine, middle, 2, 2),
            ResidualBlock(middle),
            ResidualBlock(middle),
            scaled_convolution(middle, coarse, 2, 2),
            ResidualBlock(coarse),
            ResidualBlock(coarse),
            zero_convolution(coarse, channels),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        latent = self.network(tokens).float()
        # The KLT in half precision would cost as much quality as a finer step gains.
        with torch.autocast(tokens.device.type, enabled=False):
            return self.klt(tokens.float()) + latent


class ConvSynthesis(nn.Module):
    """The latent to tokens of 4x4 pixels, centred: transpose of the KLT + network, whose last layer starts at zero.

    Shapes: latent [batch, channels, rows, cols] in units of `step`; out [batch, 48, 4*rows, 4*cols].
    """

    def __init__(self, channels: int, step: float) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.klt = nn.ConvTranspose2d(channels, 3 * TOKEN * TOKEN, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(channels) * step)
        self.register_buffer("scale", (klt_basis()[1][:channels] / step**2).pow(-0.25)[:, None, None])
        self.network = nn.Sequential(
            scaled_convolution(channels, coarse, 1),
            ResidualBlock(coarse),
            ResidualBlock(coarse),
            scaled_convolution(coarse, middle * 4, 1),
            nn.PixelShuffle(2),
            ResidualBlock(middle),
            ResidualBlock(middle),
            scaled_convolution(middle, fine * 4, 1),
            nn.PixelShuffle(2),
            ResidualBlock(fine),
            zero_convolution(fine, 3 * TOKEN * TOKEN, 3),
        )

    def forward(self, latent: Tensor) -> Tensor:
        tokens = self.network(latent * self.get_buffer("scale")).float()
        with torch.autocast(latent.device.type, enabled=False):
            return self.klt(latent.float()) + tokens
