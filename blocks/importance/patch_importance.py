"""From labelled boxes to a label per patch."""

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.errors import DimensionError, ParameterError
from linksim.types import PATCH, Boxes, Image, Importance, patches_of


class PatchImportance(Block):
    """Give each 16x16 patch the highest label of the boxes that touch it; 0, background, where none does.

    Shapes: image [batch, 3, height, width], of which only the size counts; boxes.corners [batch, objects, 4] in pixels,
    boxes.importance [batch, objects]; known [batch, ceil(height/16), ceil(width/16)], labels that a patch has whatever
    the boxes say, as from `ImportanceStudent`; out like known. Without either all is background. A box touches a patch
    when they share an area of the picture, however small; one without area touches none. No gradient.
    Source: SA-OOSC, section 2.

    Raises:
        ParameterError: a label is not 0 to 3.
        DimensionError: `known` does not have a label for each patch.

    >>> boxes = Boxes(torch.tensor([[[15.0, 0.0, 17.0, 4.0]]]), torch.tensor([[3]]))
    >>> PatchImportance()(image=torch.zeros(1, 3, 32, 48), boxes=boxes).tolist()
    [[[3, 3, 0], [0, 0, 0]]]
    """

    shapes_only = frozenset({"image"})

    def forward(self, image: Image, boxes: Boxes | None = None, known: Importance | None = None) -> Importance:
        rows, cols = map(patches_of, image.shape[2:])
        labels = torch.zeros(image.shape[0], rows, cols, dtype=torch.int64, device=image.device)
        if known is not None:
            if known.shape != labels.shape:
                raise DimensionError(
                    f"'known' must be {list(labels.shape)}, a label per patch (got {list(known.shape)})"
                )
            labels = _checked(known, "known")
        if boxes is None or boxes.importance.shape[1] == 0:
            return labels
        _checked(boxes.importance, "importance")
        left, top, right, bottom = boxes.corners.unbind(-1)
        # What lies beyond the picture's edge is in no patch, also where the last patches reach beyond it.
        across = touched(left, right.clamp(max=image.shape[3]), cols)
        down = touched(top, bottom.clamp(max=image.shape[2]), rows)
        both = down[:, :, :, None] & across[:, :, None, :]
        return torch.maximum((both * boxes.importance[:, :, None, None]).amax(1).long(), labels)


def importance_of_masks(masks: Tensor, importance: Tensor) -> Tensor:
    """Labels per patch from what each object covers: the highest of those that have a pixel in it, [1, rows, cols].

    Finer than boxes; for the port `known` of `PatchImportance`, or `known_importance` of a link.
    Shapes: masks bool [objects, height, width]; importance int [objects], 0 to 3.
    Raises `DimensionError` where there is not one label per mask, `ParameterError` where one is not 0 to 3.
    """
    if importance.shape != masks.shape[:1]:
        raise DimensionError(f"'importance' must be [{len(masks)}], a label per mask (got {list(importance.shape)})")
    height, width = masks.shape[1:]
    labels = torch.zeros(1, height, width, dtype=torch.uint8, device=masks.device)
    for mask, label in zip(masks, _checked(importance, "importance").tolist(), strict=True):
        labels = torch.maximum(labels, mask * torch.tensor(label, dtype=torch.uint8, device=masks.device))
    padded = functional.pad(labels, (0, -width % PATCH, 0, -height % PATCH))
    return padded.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).amax((-2, -1)).long()


def _checked(labels: Tensor, name: str) -> Tensor:
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) <= 3:
        raise ParameterError(f"'{name}' must hold labels 0 to 3 (got {labels.unique().tolist()})")
    return labels.long()


def touched(low: Tensor, high: Tensor, count: int, edge: float = PATCH) -> Tensor:
    """Which of `count` cells in a row, each `edge` long, share a length with [low, high]: bool [..., count].

    Where both ends are one place, or the wrong way round, none does.
    """
    start = torch.arange(count, device=low.device) * edge
    return (low[..., None] < start + edge) & (high[..., None] > start) & (high > low)[..., None]
