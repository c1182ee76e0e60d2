"""The transform `conv`: dense residual convolutions beside a KLT, on tokens of 4x4 pixels."""

from torch import nn

from linksim.blocks.vectorizer.klt_start import Analysis, Synthesis
from linksim.blocks.vectorizer.layers import ResidualBlock, scaled_convolution, zero_convolution

TOKEN = 4
WIDTHS = (64, 128, 192)
"""Channels at 1/4, 1/8 and 1/16 of the picture's size."""


def analysis_layers() -> list[nn.Module]:
    """Centred tokens to `WIDTHS[2]` features at 1/16 of the picture's size."""
    fine, middle, coarse = WIDTHS
    return [
        scaled_convolution(3 * TOKEN * TOKEN, fine),
        ResidualBlock(fine),
        scaled_convolution(fine, middle, 2, 2),
        ResidualBlock(middle),
        ResidualBlock(middle),
        scaled_convolution(middle, coarse, 2, 2),
        ResidualBlock(coarse),
        ResidualBlock(coarse),
    ]


def synthesis_layers() -> list[nn.Module]:
    """`WIDTHS[2]` features at 1/16 of the picture's size to what is added to the tokens, zero at the start."""
    fine, middle, coarse = WIDTHS
    return [
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
    ]


def conv_analysis(channels: int, step: float) -> Analysis:
    """Tokens to the latent."""
    network = nn.Sequential(*analysis_layers(), zero_convolution(WIDTHS[2], channels))
    return Analysis(TOKEN, channels, step, network)


def conv_synthesis(channels: int, step: float) -> Synthesis:
    """The latent to tokens."""
    network = nn.Sequential(scaled_convolution(channels, WIDTHS[2], 1), *synthesis_layers())
    return Synthesis(TOKEN, channels, step, network)
