"""Importance drawn by hand."""

from collections.abc import Sequence

import torch

from linksim.block import Block
from linksim.errors import ParameterError, require
from linksim.types import Boxes, Image


class DrawnImportance(Block):
    """The same boxes for every picture, as somebody drew them.

    Args:
        boxes: [x1, y1, x2, y2, label] each, in pixels, label 0 to 3.

    Shapes: image [batch, 3, height, width], of which only the batch counts; out.corners [batch, boxes, 4],
    out.importance [batch, boxes]. No gradient.
    Source: no formula.

    Raises:
        ParameterError: a box has another form, or a label is not 0 to 3.

    >>> DrawnImportance(boxes=[[0, 0, 50, 80, 3]])(image=torch.zeros(2, 3, 96, 96)).importance.tolist()
    [[3], [3]]
    """

    shapes_only = frozenset({"image"})

    def __init__(self, *, boxes: Sequence[Sequence[float]] = ()) -> None:
        super().__init__()
        for number, drawn in enumerate(boxes):
            if len(drawn) != 5 or drawn[0] > drawn[2] or drawn[1] > drawn[3]:
                raise ParameterError(f"'boxes[{number}]' must be [x1, y1, x2, y2, label] in order (got {drawn})")
            require(drawn[4] in (0, 1, 2, 3), f"boxes[{number}][4]", "a label 0, 1, 2 or 3", drawn[4])
        values = torch.tensor([[float(v) for v in drawn] for drawn in boxes]).reshape(-1, 5)
        self.register_buffer("corners", values[:, :4], persistent=False)
        self.register_buffer("importance", values[:, 4].long(), persistent=False)

    def forward(self, image: Image) -> Boxes:
        batch = len(image)
        return Boxes(self.get_buffer("corners").expand(batch, -1, -1), self.get_buffer("importance").expand(batch, -1))
