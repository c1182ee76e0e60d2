"""A network that learns to tell made pictures from originals, and the loss of the one that makes them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from linksim.block import Block
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import Image, Score

WIDTHS = (48, 96, 192)


class AdversarialScores(NamedTuple):
    """What the maker of pictures loses, and what the discriminator loses."""

    maker: Score
    discriminator: Score


class AdversarialLoss(Block):
    """Hinge losses of a discriminator of patches (PatchGAN), and of the network whose pictures it sees.

    It sees a picture beside the coarse one that it was made from, and says of each piece of about 46x46 pixels whether
    it is an original. Gradients of `maker` reach the picture and not the discriminator's weights, those of
    `discriminator` the weights and not the picture: so the sum of both trains both, against each other, in one step.
    Its weights are divided by their largest singular values, so that it cannot run away from the maker.

    Shapes: image, original and coarse [batch, 3, height, width]; each value [batch]. Gradients pass as said.
    Source: Isola et al., CVPR 2017 (PatchGAN); Miyato et al., ICLR 2018 (hinge losses, spectral normalization).

    >>> same = torch.full((1, 3, 64, 64), 0.5)
    >>> round(AdversarialLoss()(image=same, original=same, coarse=same).discriminator.value.item(), 3)
    2.0
    """

    def __init__(self) -> None:
        super().__init__()
        with seeded_initialization():
            layers: list[nn.Module] = []
            for before, after in zip((6, *WIDTHS[:-1]), WIDTHS, strict=True):
                layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
            self.network = nn.Sequential(*layers, spectral_norm(nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)))

    @single_precision
    def forward(self, image: Image, original: Image, coarse: Image) -> AdversarialScores:
        frozen = {name: parameter.detach() for name, parameter in self.network.named_parameters()}
        pleased: Tensor = functional_call(self.network, frozen, (_pair(image, coarse),))
        made, true = self.network(_pair(image.detach(), coarse)), self.network(_pair(original, coarse))
        hinge = functional.relu(1 + made).flatten(1).mean(1) + functional.relu(1 - true).flatten(1).mean(1)
        return AdversarialScores(Score(-pleased.flatten(1).mean(1)), Score(hinge))


def _pair(image: Tensor, coarse: Tensor) -> Tensor:
    return 2 * torch.cat([image, coarse.detach()], 1) - 1
