"""The transform `swin`: the paper's four stages of windowed attention beside a KLT, on tokens of 2x2 pixels.

Source: SA-OOSC appendix 11; Liu et al. (Swin), ICCV 2021. The paper merges patches behind each of its four stages and
has its latent at 1/16 of the picture's size; from tokens of 2x2 pixels that takes three mergings, which are here
between the stages.
"""

from torch import nn

from linksim.blocks.vectorizer.klt_start import Analysis, Synthesis
from linksim.blocks.vectorizer.layers import scaled_convolution, zero_convolution
from linksim.blocks.vectorizer.window_attention import transformer

TOKEN = 2
WIDTH, HEADS, WINDOW = 256, 8, 8
DEPTHS = (1, 1, 2, 6)
"""Transformer blocks at 1/2, 1/4, 1/8 and 1/16 of the picture's size."""


def swin_analysis(channels: int, step: float) -> Analysis:
    """Tokens to the latent; patch merging, concatenation and projection, is a convolution over 2x2 cells."""
    layers: list[nn.Module] = [scaled_convolution(3 * TOKEN**2, WIDTH, 1)]
    for stage, depth in enumerate(DEPTHS):
        if stage:
            layers.append(scaled_convolution(WIDTH, WIDTH, 2, 2))
        layers.append(transformer(WIDTH, HEADS, WINDOW, depth))
    return Analysis(TOKEN, channels, step, nn.Sequential(*layers, zero_convolution(WIDTH, channels)))


def swin_synthesis(channels: int, step: float) -> Synthesis:
    """The latent to tokens; patch division is a projection to four cells."""
    layers: list[nn.Module] = [scaled_convolution(channels, WIDTH, 1)]
    for stage, depth in enumerate(reversed(DEPTHS)):
        if stage:
            layers += [scaled_convolution(WIDTH, 4 * WIDTH, 1), nn.PixelShuffle(2)]
        layers.append(transformer(WIDTH, HEADS, WINDOW, depth))
    return Synthesis(TOKEN, channels, step, nn.Sequential(*layers, zero_convolution(WIDTH, 3 * TOKEN**2)))
