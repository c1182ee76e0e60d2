"""A perceptual distance that a network can be trained with."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.knowledge.picture_features import SHA256, lite_network
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import Image, Score

STAGES = (1, 2, 3, 5)
"""Of EfficientNet-Lite0 those whose features count: at 1/2, 1/4, 1/8 and 1/16 of the picture's size."""
SMALLEST = 32


class PerceptualLoss(Block):
    """Distance of two pictures in the features of EfficientNet-Lite0 (extra `knowledge`): lower is better, 0 equal.

    Features after four stages are normalised to length 1 over the channels; their squared differences are averaged over
    the places, and over the stages. What is trained with it must be judged by another, as `HEDDistance`: a network
    learns to please the one that it sees.

    Shapes: image, original [batch, 3, height, width], 32 pixels a side at least; out.value [batch]. Gradients pass.
    Source: Zhang et al., CVPR 2018 (LPIPS, unlearned form), with another network.

    Raises:
        ParameterError: a side is under 32 pixels.
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> original = torch.rand(1, 3, 32, 48)
    >>> PerceptualLoss()(image=original, original=original).value.tolist()
    [0.0]
    """

    @full_precision
    def forward(self, image: Image, original: Image) -> Score:
        require(min(image.shape[2:]) >= SMALLEST, "image", f"at least {SMALLEST} pixels a side", tuple(image.shape[2:]))
        with torch.no_grad():
            wanted = _stages(original)
        found = [
            (functional.normalize(mine, dim=1) - functional.normalize(other, dim=1)).square().sum(1).mean((1, 2))
            for mine, other in zip(_stages(image), wanted, strict=True)
        ]
        return Score(torch.stack(found).mean(0))


def _stages(image: Tensor) -> list[Tensor]:
    network = lite_network(0, SHA256, str(image.device))
    # Clamped pixels would get no gradient back into the range.
    x = network.bn1(network.conv_stem(2 * image - 1))  # pyright: ignore[reportCallIssue]
    found: list[Tensor] = []
    for number, stage in enumerate(list(network.blocks)[: max(STAGES)], 1):  # pyright: ignore[reportArgumentType]
        x = stage(x)
        if number in STAGES:
            found.append(x)
    return found
