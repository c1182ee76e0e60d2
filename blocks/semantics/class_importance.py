"""Importance by class alone, as OOSC has it."""

from collections.abc import Mapping

import torch

from linksim.block import Block
from linksim.blocks.semantics.categories import COCO, NUMBER
from linksim.errors import ParameterError, nearest, require
from linksim.types import Boxes, Detections

DRIVING: Mapping[str, int] = {
    "person": 3, "bicycle": 3, "motorcycle": 3, "traffic light": 3, "stop sign": 3,
    "car": 2, "bus": 2, "truck": 2, "train": 2,
}  # fmt: skip
"""What OOSC's idea, one importance for each class, says for driving: whom a car could hurt, and signs, before cars."""


class ClassImportance(Block):
    """Each object as important as its class, wherever it is: a static table.

    Args:
        table: from the names of COCO's classes to labels 0 to 3; what is not in it is low, 1.

    Shapes: detections [batch, objects]; out.importance [batch, objects]. No gradient.
    Source: OOSC as SA-OOSC describes it, section 4; the table is linksim's.

    Raises:
        ParameterError: a class is not COCO's, or a label not 0 to 3.

    >>> found = Detections(torch.zeros(1, 2, 4), torch.tensor([[0, 56]]), torch.ones(1, 2))
    >>> ClassImportance()(detections=found).importance.tolist()
    [[3, 1]]
    """

    def __init__(self, *, table: Mapping[str, int] = DRIVING) -> None:
        super().__init__()
        for name, label in table.items():
            if name not in NUMBER:
                raise ParameterError(f"'table' names the unknown class '{name}'; {nearest(name, COCO)}")
            require(label in (0, 1, 2, 3), f"table['{name}']", "0, 1, 2 or 3", label)
        labels = [int(table.get(name, 1)) for name in COCO]
        # The last one is for the padding of short lists, class -1.
        self.register_buffer("importance", torch.tensor([*labels, 0]), persistent=False)

    def forward(self, detections: Detections) -> Boxes:
        return Boxes(detections.corners, self.get_buffer("importance")[detections.category])
