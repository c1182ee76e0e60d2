"""The transforms `conv` and `conv_light`: residual convolutions beside a KLT, on tokens of 4x4 pixels."""

from collections.abc import Callable

from torch import nn

from linksim.blocks.vectorizer.klt_start import Analysis, Synthesis
from linksim.blocks.vectorizer.layers import ResidualBlock, scaled_convolution, zero_convolution

TOKEN = 4
WIDTHS = (64, 128, 192)
"""Channels at 1/4, 1/8 and 1/16 of the picture's size."""
ResidualBlocks = Callable[[int], nn.Module]
"""Makes a residual block of so many channels."""


def light_block(channels: int) -> ResidualBlock:
    """5 multiplications per pair of channels where `ResidualBlock` has 18: half the hidden channels, and a 1x1
    convolution back."""
    return ResidualBlock(channels, channels // 2, kernel=1)


def analysis_layers(block: ResidualBlocks = ResidualBlock) -> list[nn.Module]:
    """Centred tokens to `WIDTHS[2]` features at 1/16 of the picture's size."""
    fine, middle, coarse = WIDTHS
    return [
        scaled_convolution(3 * TOKEN * TOKEN, fine),
        block(fine),
        scaled_convolution(fine, middle, 2, 2),
        block(middle),
        block(middle),
        scaled_convolution(middle, coarse, 2, 2),
        block(coarse),
        block(coarse),
    ]


def synthesis_layers(block: ResidualBlocks = ResidualBlock) -> list[nn.Module]:
    """`WIDTHS[2]` features at 1/16 of the picture's size to what is added to the tokens, zero at the start."""
    fine, middle, coarse = WIDTHS
    return [
        block(coarse),
        block(coarse),
        scaled_convolution(coarse, middle * 4, 1),
        nn.PixelShuffle(2),
        block(middle),
        block(middle),
        scaled_convolution(middle, fine * 4, 1),
        nn.PixelShuffle(2),
        block(fine),
        zero_convolution(fine, 3 * TOKEN * TOKEN, 3),
    ]


def conv_analysis(channels: int, step: float, block: ResidualBlocks = ResidualBlock) -> Analysis:
    """Tokens to the latent."""
    network = nn.Sequential(*analysis_layers(block), zero_convolution(WIDTHS[2], channels))
    return Analysis(TOKEN, channels, step, network)


def conv_synthesis(channels: int, step: float, block: ResidualBlocks = ResidualBlock) -> Synthesis:
    """The latent to tokens."""
    network = nn.Sequential(scaled_convolution(channels, WIDTHS[2], 1), *synthesis_layers(block))
    return Synthesis(TOKEN, channels, step, network)
