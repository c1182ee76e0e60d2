"""The hyperprior: what the vectorizer knows about the distribution of its own latent."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.vectorizer.entropy_models import entropy_models
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.blocks.vectorizer.layers import SLOPE, scaled_convolution, zero_convolution

HIDDEN, HYPER_CHANNELS = 96, 64
MIN_SCALE = 0.11
MIN_LIKELIHOOD = 1e-9
"""CompressAI has these bounds too, but keeps them among the weights, where half precision makes the second one zero."""
REDUCTION = 4
"""The hyper latent is at 1/4 of the latent's rows and columns."""


class HyperpriorOut(NamedTuple):
    """Latent and hyper latent with noise (training) or rounded (evaluation), and their likelihoods."""

    latent: Tensor
    hyper: Tensor
    likelihood: Tensor
    hyper_likelihood: Tensor


class Hyperprior(nn.Module):
    """p(x|z) Gaussian with mean and scale from z, p(z) factorized: entropy models by CompressAI.

    Shapes: latent [batch, channels, rows, cols]; hyper [batch, 64, ceil(rows/4), ceil(cols/4)].
    Source: Balle et al., ICLR 2018, and Minnen et al., NeurIPS 2018; SA-OOSC eqs. 7, 8.
    """

    def __init__(self, channels: int, step: float) -> None:
        super().__init__()
        bottleneck, conditional = entropy_models()
        deviation = (klt_basis()[1][:channels].sqrt() / step)[:, None, None]
        self.register_buffer("deviation", deviation)
        self.analysis = nn.Sequential(
            scaled_convolution(channels, HIDDEN),
            nn.LeakyReLU(SLOPE),
            scaled_convolution(HIDDEN, HIDDEN, 3, 2),
            nn.LeakyReLU(SLOPE),
            scaled_convolution(HIDDEN, HYPER_CHANNELS, 3, 2),
        )
        self.synthesis = nn.Sequential(
            scaled_convolution(HYPER_CHANNELS, HIDDEN * 4),
            nn.PixelShuffle(2),
            nn.LeakyReLU(SLOPE),
            scaled_convolution(HIDDEN, HIDDEN * 4),
            nn.PixelShuffle(2),
            nn.LeakyReLU(SLOPE),
            zero_convolution(HIDDEN, 2 * channels),
        )
        self.bottleneck = bottleneck(HYPER_CHANNELS)
        self.conditional = conditional(None)

    def forward(self, latent: Tensor, noise: torch.Generator) -> HyperpriorOut:
        self.bottleneck.noise = self.conditional.noise = noise
        rows, cols = latent.shape[2:]
        padded = functional.pad(latent, (0, -cols % REDUCTION, 0, -rows % REDUCTION), mode="replicate")
        deviation = self.get_buffer("deviation")
        hyper = self.analysis(padded * deviation.rsqrt()).float()
        with torch.autocast(latent.device.type, enabled=False):
            hyper, hyper_likelihood = self.bottleneck(hyper)
        moments = self.synthesis(hyper)[:, :, :rows, :cols].float()
        with torch.autocast(latent.device.type, enabled=False):
            mean, log_scale = moments.chunk(2, 1)
            scale = (deviation * log_scale.clamp(-6, 3).exp()).clamp_min(MIN_SCALE)
            quantized, likelihood = self.conditional(latent.float(), scale, mean)
        self.bottleneck.noise = self.conditional.noise = None
        return HyperpriorOut(
            quantized, hyper, likelihood.clamp_min(MIN_LIKELIHOOD), hyper_likelihood.clamp_min(MIN_LIKELIHOOD)
        )
