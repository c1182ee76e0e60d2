"""Convolutional layers that the learned codec is made of."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.randomness import global_state

SLOPE = 0.1
"""Of the leaky ReLU below zero."""


@contextmanager
def seeded_initialization() -> Generator[None]:
    """Initial weights drawn inside are the same each time, and the global generator is left as it was."""
    with global_state, torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would reset a GPU's generator too.
        torch.default_generator.manual_seed(0)
        yield


def scaled_convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the variance (Kaiming, gain 1), without bias at the start."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 or kernel % 2 else 0)
    nn.init.kaiming_normal_(convolution.weight, a=1.0)
    return zero_bias(convolution)


def zero_convolution(inputs: int, outputs: int, kernel: int = 1) -> nn.Conv2d:
    """A convolution that gives zero until it is trained: the closed form beside it is the start."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.zeros_(convolution.weight)
    return zero_bias(convolution)


def zero_bias(convolution: nn.Conv2d) -> nn.Conv2d:
    """The convolution, its bias set to zero."""
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


class ResidualBlock(nn.Module):
    """x + B leaky(A x): A a dense 3x3 convolution to `hidden` channels, B one back; B is zero at the start.

    Source: He et al., CVPR 2016; the zero start, Zhang et al. (Fixup), ICLR 2019.
    """

    def __init__(self, channels: int, hidden: int | None = None, *, kernel: int = 3) -> None:
        super().__init__()
        hidden = hidden or channels
        self.widen = nn.Conv2d(channels, hidden, 3, padding=1)
        nn.init.kaiming_normal_(self.widen.weight, a=SLOPE)
        zero_bias(self.widen)
        self.narrow = zero_convolution(hidden, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(functional.leaky_relu(self.widen(x), SLOPE))
