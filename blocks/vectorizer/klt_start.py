"""A network beside a KLT: what every learned transform starts from."""

import torch
from torch import Tensor, nn

from linksim.blocks.vectorizer.klt import klt_basis
from linksim.types import PATCH


def token_basis(channels: int, token: int) -> Tensor:
    """The KLT's eigenvectors as kernels over the tokens of a patch, [channels, 3*token^2, 16/token, 16/token]."""
    blocks = klt_basis()[0][:channels].reshape(channels, 3, PATCH, PATCH)
    return nn.functional.pixel_unshuffle(blocks, token)


class Analysis(nn.Module):
    """Tokens, centred, to the latent: KLT + network, whose last layer starts at zero.

    Shapes: tokens [batch, 3*token^2, height/token, width/token]; out [batch, channels, height/16, width/16] in units of
    `step`.
    """

    def __init__(self, token: int, channels: int, step: float, network: nn.Module) -> None:
        super().__init__()
        self.klt = nn.Conv2d(3 * token**2, channels, PATCH // token, PATCH // token, bias=False)
        self.klt.weight = nn.Parameter(token_basis(channels, token) / step)
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        latent = self.network(tokens).float()
        # The KLT in half precision would cost as much quality as a finer step gains.
        with torch.autocast(tokens.device.type, enabled=False):
            return self.klt(tokens.float()) + latent


class Synthesis(nn.Module):
    """The latent to tokens, centred: transpose of the KLT + network, whose last layer starts at zero.

    Shapes: latent [batch, channels, rows, cols] in units of `step`; out [batch, 3*token^2, 16/token*rows,
    16/token*cols].
    """

    def __init__(self, token: int, channels: int, step: float, network: nn.Module) -> None:
        super().__init__()
        self.klt = nn.ConvTranspose2d(channels, 3 * token**2, PATCH // token, PATCH // token, bias=False)
        self.klt.weight = nn.Parameter(token_basis(channels, token) * step)
        self.register_buffer("scale", (klt_basis()[1][:channels] / step**2).pow(-0.25)[:, None, None])
        self.network = network

    def forward(self, latent: Tensor) -> Tensor:
        tokens = self.network(latent * self.get_buffer("scale")).float()
        with torch.autocast(latent.device.type, enabled=False):
            return self.klt(latent.float()) + tokens
