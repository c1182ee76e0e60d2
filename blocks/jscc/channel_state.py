"""The SNR as a part of the features: a noise map, and the layers that see it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.vectorizer.layers import SLOPE, zero_bias, zero_convolution
from linksim.types import Decibels

MAPS = 2
"""The noise's power, and that power over the features'."""


class ChannelStateEmbedding(Block):
    """The noise map of CSE: which noise a channel of this SNR would add to these features.

    The first map is sigma^2 = P_s / 10^(snr/10), P_s being the mean square of a picture's features. It mixes the SNR
    with the features' gain, so a second map gives sigma^2 / P_s. P_s is taken as a constant by gradients.

    Shapes: features [batch, channels, rows, cols]; snr_db [batch]; out [batch, 2, rows, cols], constant in a picture.
    Source: UIDSC (arXiv 2508.05884), section III-C; after FFDNet, Zhang et al., IEEE Trans. Image Process. 2018. The
    second map is linksim's.

    >>> maps = ChannelStateEmbedding()(features=torch.full((1, 3, 2, 2), 2.0), snr_db=torch.tensor([10.0]))
    >>> [round(float(each), 3) for each in maps[0, :, 0, 0]]
    [0.4, 0.1]
    """

    def forward(
        self, features: Float[Tensor, "batch channels rows cols"], snr_db: Decibels
    ) -> Float[Tensor, "batch maps rows cols"]:
        power = features.detach().float().square().mean((1, 2, 3))
        relative = torch.pow(10.0, -snr_db.float() / 10)
        maps = torch.stack([power * relative, relative], 1)
        return maps[:, :, None, None].expand(-1, -1, *features.shape[2:]).to(features.dtype)


class StateAwareBlock(nn.Module):
    """x + B prelu(A [x, noise map]): `ResidualBlock` of half the hidden channels with a PReLU and CSE; B is zero at the
    start.

    UIDSC normalises by batches (Conv-BN-PReLU). Here what a picture becomes must not depend on the pictures beside it,
    and the zero start takes the place of normalisation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.state = ChannelStateEmbedding()
        self.widen = nn.Conv2d(channels + MAPS, hidden, 3, padding=1)
        nn.init.kaiming_normal_(self.widen.weight, a=SLOPE)
        nn.init.zeros_(self.widen.weight[:, channels:])
        zero_bias(self.widen)
        self.activation = nn.PReLU(hidden, init=SLOPE)
        self.narrow = zero_convolution(hidden, channels)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        seen = torch.cat([x, self.state(features=x, snr_db=snr_db)], 1)
        return x + self.narrow(self.activation(self.widen(seen)))


def through(layers: nn.Sequential, x: Tensor, snr_db: Tensor) -> Tensor:
    """x after all layers, those of them that see the SNR being told it."""
    for layer in layers:
        x = layer(x, snr_db) if isinstance(layer, StateAwareBlock) else layer(x)
    return x
