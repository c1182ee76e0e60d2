"""Where a picture has edges, at a quarter of its size."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.types import Image

Edges: TypeAlias = Float[Tensor, "batch 3 edge_height edge_width"]
SCALE = 4
"""By how much each side of the map is smaller than the picture's."""
LUMA = (0.299, 0.587, 0.114)
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
STRONGEST = 2.0
"""The length of Sobel's gradient that is shown white: that of a step of half the range of pixels."""


class EdgeMap(Block):
    """The strength of a picture's edges, a grey picture of a quarter of its size: what guides a model at the receiver.

    The length of Sobel's gradient of the luma, 0 to 1, averaged over pieces of 4x4 pixels.

    Shapes: image [batch, 3, height, width]; out [batch, 3, ceil(height/4), ceil(width/4)], three equal colours.
    Gradients pass.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138, whose edges a network finds; Sobel's are linksim's choice.

    >>> step = torch.zeros(1, 3, 8, 16)
    >>> step[..., 8:] = 0.5
    >>> [round(each, 3) for each in EdgeMap()(image=step)[0, 0, 0].tolist()]
    [0.0, 0.25, 0.25, 0.0]
    """

    def forward(self, image: Image) -> Edges:
        luma = torch.einsum("c,bchw->bhw", torch.tensor(LUMA).to(image), image)[:, None]
        kernel = torch.tensor(SOBEL).to(image)
        kernels = torch.stack([kernel, kernel.T])[:, None]
        slopes = functional.conv2d(functional.pad(luma, (1, 1, 1, 1), mode="replicate"), kernels)
        # The root of zero has no gradient.
        strength = (slopes.square().sum(1, keepdim=True) + 1e-12).sqrt().sub(1e-6).clamp_min(0)
        pooled = functional.avg_pool2d((strength / STRONGEST).clamp_max(1), SCALE, ceil_mode=True)
        return pooled.expand(-1, 3, -1, -1)
