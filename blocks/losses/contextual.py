"""How well each place of a background can be told from the others by its features."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.knowledge.picture_features import SHA256, lite_network
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import Image, Mask, Score

STAGE = 3
"""Of EfficientNet-Lite0: features at 1/8 of the picture's size, 40 channels."""
EPSILON = 1e-6
SMALLEST = 16


class ContextualLoss(Block):
    """Contextual loss over the background: lower is better.

    At each place of the background -log softmax of the cosine similarity between the place's features in the received
    picture and those at the same place of the original, against all places of the original, divided by a temperature.
    The paper takes a VGG network; here the features are EfficientNet-Lite0's (extra `knowledge`), which can be had
    without a model hub. All places are the background where no mask is given.

    Shapes: image, original [batch, 3, height, width], 16 pixels a side at least; mask [batch, height, width], the
    salient pixels, which are left out; out.value [batch]. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 23 to 25.

    Raises:
        ParameterError: the temperature is not positive, or a side is under 16 pixels.
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> original = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    >>> loss = ContextualLoss()
    >>> bool(loss(image=original, original=original).value < loss(image=original.flip(2), original=original).value)
    True
    """

    def __init__(self, *, temperature: float = 0.5) -> None:
        super().__init__()
        require(temperature > 0, "temperature", "positive", temperature)
        self.temperature = temperature

    @full_precision
    def forward(self, image: Image, original: Image, mask: Mask | None = None) -> Score:
        require(min(image.shape[2:]) >= SMALLEST, "image", f"at least {SMALLEST} pixels a side", tuple(image.shape[2:]))
        mine = _features(image)
        with torch.no_grad():
            other = _features(original)
        loss = contextual(mine, other, self.temperature)
        if mask is None:
            return Score(loss.mean((1, 2)))
        salient = functional.adaptive_avg_pool2d(mask[:, None].to(loss), (loss.shape[1], loss.shape[2]))[:, 0]
        background = (salient < 0.5).to(loss)
        return Score((loss * background).sum((1, 2)) / (background.sum((1, 2)) + EPSILON))


def contextual(mine: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Eq. 25 at each place, [batch, rows, cols], of features [batch, channels, rows, cols]."""
    rows, cols = mine.shape[2:]
    ours, theirs = (functional.normalize(each.flatten(2), dim=1) for each in (mine, other))
    similarity = ours.transpose(1, 2) @ theirs / temperature
    loss = torch.logsumexp(similarity, 2) - torch.diagonal(similarity, dim1=1, dim2=2)
    return loss.view(-1, rows, cols)


def _features(image: Tensor) -> Tensor:
    network = lite_network(0, SHA256, str(image.device))
    x = network.bn1(network.conv_stem(2 * image.clamp(0, 1) - 1))  # pyright: ignore[reportCallIssue]
    for stage in list(network.blocks)[:STAGE]:  # pyright: ignore[reportArgumentType]
        x = stage(x)
    return x
