"""From labelled boxes to a label per patch."""

import torch

from linksim.block import Block
from linksim.errors import ParameterError
from linksim.types import PATCH, Boxes, Image, Importance


class PatchImportance(Block):
    """Give each 16x16 patch the highest label of the boxes that touch it; 0, background, where none does.

    Shapes: image [batch, 3, height, width], of which only the size counts; boxes.corners [batch, objects, 4] in pixels,
    boxes.importance [batch, objects]; out [batch, ceil(height/16), ceil(width/16)]. Without boxes all is background.
    A box touches a patch when they share an area, however small. No gradient.
    Source: SA-OOSC, section 2.

    >>> boxes = Boxes(torch.tensor([[[15.0, 0.0, 17.0, 4.0]]]), torch.tensor([[3]]))
    >>> PatchImportance()(image=torch.zeros(1, 3, 32, 48), boxes=boxes).tolist()
    [[[3, 3, 0], [0, 0, 0]]]
    """

    def forward(self, image: Image, boxes: Boxes | None = None) -> Importance:
        rows, cols = (-(-size // PATCH) for size in image.shape[2:])
        labels = torch.zeros(image.shape[0], rows, cols, dtype=torch.int64, device=image.device)
        if boxes is None or boxes.importance.shape[1] == 0:
            return labels
        if not 0 <= int(boxes.importance.min()) <= int(boxes.importance.max()) <= 3:
            raise ParameterError(f"'importance' must hold labels 0 to 3 (got {boxes.importance.unique().tolist()})")
        left, top, right, bottom = boxes.corners.unbind(-1)
        across = _touched(left, right, cols)
        down = _touched(top, bottom, rows)
        touched = down[:, :, :, None] & across[:, :, None, :]
        return (touched * boxes.importance[:, :, None, None]).amax(1).long()


def _touched(low: torch.Tensor, high: torch.Tensor, count: int) -> torch.Tensor:
    start = torch.arange(count, device=low.device) * PATCH
    return (low[..., None] < start + PATCH) & (high[..., None] > start)
