"""Whether a network that knows photographs sees the same in two pictures."""

import torch
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.knowledge.picture_features import PictureFeatureExtractor
from linksim.blocks.metrics.psnr import eight_bits
from linksim.types import Image, Score


class FeatureCosine(Block):
    """Cosine of two pictures' features of EfficientNet-Lite0, -1 to 1, higher is better (extra `knowledge`).

    The 1280 features of its last map, averaged over the places: what the picture shows, by a network that was trained
    to name it, rather than how sharp it is. It is not CLIP-Score, which compares a picture with a sentence. Pictures
    are clamped and rounded to 8 bits, and scaled to 160x160 pixels.

    Shapes: image, original [batch, 3, height, width]; out.value [batch]. No gradient.
    Source: linksim; the network, Tan and Le, ICML 2019.

    Raises:
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> original = torch.rand(1, 3, 32, 48)
    >>> round(FeatureCosine()(image=original, original=original).value.item(), 4)
    1.0
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = PictureFeatureExtractor()

    @torch.no_grad()
    def forward(self, image: Image, original: Image) -> Score:
        mine, other = (self.features(image=eight_bits(each.float())).mean(1) for each in (image, original))
        return Score(functional.cosine_similarity(mine, other, dim=1))
