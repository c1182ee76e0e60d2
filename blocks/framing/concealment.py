"""What stands in for a picture that was lost."""

import torch
from jaxtyping import Float
from torch import Tensor

from linksim.block import Block
from linksim.errors import DimensionError
from linksim.types import Flags, Image

Original = Float[Tensor, "batch 3 rows cols"]


class ErasureConcealment(Block):
    """Show mid-grey where the header was lost, so that a lost picture is measured and not left out.

    Shapes: image [batch, 3, height, width]; erased [batch]; original [batch, 3, rows, cols], of which only the size
    counts (where every frame of a batch is lost, the receiver does not even know it); out has the size of `original`.
    Gradients pass for delivered pictures.

    Raises:
        DimensionError: a delivered picture has another size than the original.

    >>> image = torch.ones(2, 3, 4, 4)
    >>> shown = ErasureConcealment()(image=image, erased=torch.tensor([False, True]), original=image)
    >>> shown[:, 0, 0, 0].tolist()
    [1.0, 0.5]
    """

    shapes_only = frozenset({"original"})

    def forward(self, image: Image, erased: Flags, original: Original) -> Original:
        grey = torch.full_like(original, 0.5)
        if bool(erased.all()):
            return grey
        if image.shape != original.shape:
            raise DimensionError(f"pictures of {list(image.shape)} came where {list(original.shape)} were sent")
        return torch.where(erased[:, None, None, None], grey, image)
