"""The transform `swin`: the paper's four stages of windowed attention beside a KLT, on tokens of 2x2 pixels.

Source: SA-OOSC appendix 11; Liu et al. (Swin), ICCV 2021. The paper merges patches behind each of its four stages and
has its latent at 1/16 of the picture's size; from tokens of 2x2 pixels that takes three mergings, which are here
between the stages.
"""

from typing import NamedTuple

from torch import nn

from linksim.blocks.vectorizer.klt_start import Analysis, Synthesis
from linksim.blocks.vectorizer.layers import scaled_convolution, zero_convolution
from linksim.blocks.vectorizer.window_attention import transformer

TOKEN, WINDOW = 2, 8


class Stage(NamedTuple):
    """Transformer blocks of one width at one size of the grid."""

    width: int
    heads: int
    depth: int


PAPER = (Stage(256, 8, 1), Stage(256, 8, 1), Stage(256, 8, 2), Stage(256, 8, 6))
"""At 1/2, 1/4, 1/8 and 1/16 of the picture's size."""


def _merging_layers(stages: tuple[Stage, ...]) -> list[nn.Module]:
    """Tokens to features at 1/16 of the picture's size.

    Patch merging, concatenation and projection, is a convolution over 2x2 cells.
    """
    layers: list[nn.Module] = [scaled_convolution(3 * TOKEN**2, stages[0].width, 1)]
    for number, (width, heads, depth) in enumerate(stages):
        if number:
            layers.append(scaled_convolution(stages[number - 1].width, width, 2, 2))
        layers.append(transformer(width, heads, WINDOW, depth))
    return layers


def _dividing_layers(stages: tuple[Stage, ...]) -> list[nn.Module]:
    """Features at 1/16 of the picture's size to what is added to the tokens, zero at the start.

    Patch division is a projection to four cells.
    """
    layers: list[nn.Module] = []
    for number, (width, heads, depth) in reversed(list(enumerate(stages))):
        layers.append(transformer(width, heads, WINDOW, depth))
        if number:
            layers += [scaled_convolution(width, 4 * stages[number - 1].width, 1), nn.PixelShuffle(2)]
    return [*layers, zero_convolution(stages[0].width, 3 * TOKEN**2)]


def swin_analysis(channels: int, step: float) -> Analysis:
    """Tokens to the latent."""
    network = nn.Sequential(*_merging_layers(PAPER), zero_convolution(PAPER[-1].width, channels))
    return Analysis(TOKEN, channels, step, network)


def swin_synthesis(channels: int, step: float) -> Synthesis:
    """The latent to tokens."""
    network = nn.Sequential(scaled_convolution(channels, PAPER[-1].width, 1), *_dividing_layers(PAPER))
    return Synthesis(TOKEN, channels, step, network)
