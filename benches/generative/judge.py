"""What a classifier that no system was trained with sees in a picture."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim import Block, Image
from linksim.blocks.knowledge.picture_features import LITE1_SHA256, lite_network
from linksim.blocks.metrics.psnr import eight_bits
from linksim.precision import single_precision
from linksim.types import Detections, Score

VERSION, EDGE = 1, 240
"""EfficientNet-Lite1 and the edge in pixels that it was trained for. The editor was trained with EfficientNet-Lite0."""
MOST_CLASSES, LEAST_PROBABILITY = 5, 0.1
PADDING = -1


class FeatureSimilarity(Block):
    """Cosine of two pictures' features of EfficientNet-Lite1, averaged over the places; out.value [batch]."""

    @single_precision
    def forward(self, image: Image, original: Image) -> Score:
        mine, other = (_features(each).mean((2, 3)) for each in (image, original))
        return Score(functional.cosine_similarity(mine, other, dim=1))


class SeenClasses(Block):
    """The up to five classes of ImageNet to which EfficientNet-Lite1 gives a probability of 0.1 and more, as objects
    that fill the picture."""

    @single_precision
    def forward(self, image: Image) -> Detections:
        with torch.no_grad():
            scores = lite_network(VERSION, LITE1_SHA256, str(image.device)).forward_head(_features(image))  # pyright: ignore
            sure, classes = torch.softmax(scores, 1).topk(MOST_CLASSES)
        category = torch.where(sure >= LEAST_PROBABILITY, classes, PADDING)
        whole = torch.tensor([0.0, 0.0, image.shape[3], image.shape[2]], device=image.device)
        return Detections(whole.expand(*category.shape, 4), category, sure)


@torch.no_grad()
def _features(image: Tensor) -> Tensor:
    scaled = functional.interpolate(eight_bits(image.float()), (EDGE, EDGE), mode="bicubic", antialias=True)
    network = lite_network(VERSION, LITE1_SHA256, str(image.device))
    found: Tensor = network.forward_features(2 * scaled.clamp(0, 1) - 1)  # pyright: ignore[reportCallIssue]
    return found
