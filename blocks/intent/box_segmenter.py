"""What boxes become: the pixels of the objects in them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from torch import Tensor

from linksim.blocks.intent.cut_out import box_pixels, cut_out_box
from linksim.blocks.intent.open_vocabulary import eight_bit_array, predicted, result_masks
from linksim.blocks.semantics.object_detector import imported_ultralytics

BOX, GRABCUT = "box", "grabcut"
Boxes = Sequence[Sequence[float]]


def segmented_boxes(segmenter: str, image: Tensor, boxes: Boxes) -> list[Tensor]:
    """The pixels of the object in each box (x0, y0, x1, y1) in pixels, bool [height, width]: "box" takes all of them,
    "grabcut" those of the object's colours, and the weights of a SAM of ultralytics what that says."""
    if segmenter == BOX:
        return [box_pixels(box, image) for box in boxes]
    if segmenter == GRABCUT:
        return [cut_out_box(box, image) for box in boxes]
    return sam_pixels(segmenter, image, boxes)


def sam_pixels(model: str, image: Tensor, boxes: Sequence[Sequence[float]]) -> list[Tensor]:
    """The pixels of the object in each box (x0, y0, x1, y1), bool [height, width], by SAM or one of its heirs: all
    inside the box where it segments nothing.

    Raises `LinksimError` where ultralytics is not installed, or the weights are not there and cannot be fetched.
    """
    return [_sam_mask(model, image, box) for box in boxes]


def _sam_mask(model: str, image: Tensor, box: Sequence[float]) -> Tensor:
    # One box at a time: SAM leaves out the masks that it trusts little, and does not say which.
    network = _sam(model)
    masks = result_masks(
        predicted(lambda: network.predict(eight_bit_array(image), bboxes=[list(box)], verbose=False)), image
    )
    return masks[0] if masks else box_pixels(box, image)


@cache
def _sam(model: str) -> Any:
    return imported_ultralytics("SAM", model)
