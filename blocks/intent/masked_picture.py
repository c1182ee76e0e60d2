"""A picture of which only a region is kept."""

import torch

from linksim.block import Block
from linksim.errors import DimensionError, require
from linksim.types import Image, Mask


class MaskedPicture(Block):
    """Keep the pixels of the mask, and paint the others one grey level: s = m*I where that is 0, black.

    Shapes: image [batch, 3, height, width]; mask [batch, height, width]; out as image. Gradients pass.
    Source: UIDSC (arXiv 2508.05884), section II-A.

    Raises:
        ParameterError: `fill` is not in 0..1.
        DimensionError: the mask is of another size than the picture.

    >>> mask = torch.tensor([[[True, False]]])
    >>> MaskedPicture(fill=0.5)(image=torch.ones(1, 3, 1, 2), mask=mask)[0, 0].tolist()
    [[1.0, 0.5]]
    """

    def __init__(self, *, fill: float = 0.0) -> None:
        super().__init__()
        require(0 <= fill <= 1, "fill", "in 0..1", fill)
        self.fill = fill

    def forward(self, image: Image, mask: Mask) -> Image:
        check_mask(image, mask)
        return torch.where(mask[:, None], image, self.fill)


def check_mask(image: Image, mask: Mask) -> None:
    """Raises `DimensionError` where a mask is of another size than its picture."""
    if mask.shape[1:] != image.shape[2:]:
        found, wanted = ("x".join(map(str, shape)) for shape in (mask.shape[1:], image.shape[2:]))
        raise DimensionError(f"mask must be of the picture's size, {wanted} pixels (got {found})")
