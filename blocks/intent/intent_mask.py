"""A sentence and a picture to the mask of what the sentence asks for."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from linksim.block import Block
from linksim.blocks.intent.request import read_request
from linksim.blocks.intent.selection import SceneObject, Selection, select
from linksim.blocks.semantics.categories import COCO
from linksim.errors import DimensionError, LinksimError, require
from linksim.types import Detections, Flags, Image, Mask, Text

OTHERWISE = ("error", "whole", "nothing")


class Understood(NamedTuple):
    """The pixels that are asked for; whether the sentence was understood and something matches it; which objects were
    taken and why, or what was not understood."""

    mask: Mask
    found: Flags
    explanation: Text


class IntentMask(Block):
    """Understand what a user wants of a picture: the knowledge base SKB-UIU, by rules of words.

    The objects are those of `detections`, with their pixels in `instances`, or, without these, their boxes. A sentence
    may name classes by their names, synonyms, kinds ("vehicles") and uses ("what one sits on"), narrow them by colour,
    number, size, distance, side and order ("the second person from the left"), add groups ("and"), take some away
    ("vehicles but not buses"), or ask for everything but something, or the background. The English that the rules know
    is in `blocks/intent`; relations between objects ("who has the ball") are beyond them, and they say so.

    `otherwise`: what happens where a sentence is not understood or nothing matches: "error", "whole", all pixels, or
    "nothing", no pixel. `names`: those of the detections' classes, by number.

    Shapes: image [batch, 3, height, width]; intent, one sentence a picture, or one for all; detections [batch,
    objects]; instances [batch, height, width], at each pixel an object's place in the list from 1, 0 where there is
    none; mask [batch, height, width]. No gradient.
    Source: UIDSC (arXiv 2508.05884), eq. 1, which has a large multimodal model here; the rules are linksim's.

    Raises:
        ParameterError: `otherwise` is unknown.
        DimensionError: the instances are of another size than the picture, or the sentences of another number.
        LinksimError: a sentence is not understood or nothing matches it, where `otherwise` is "error".

    >>> found = Detections(torch.tensor([[[0.0, 0.0, 2.0, 2.0]]]), torch.tensor([[2]]), torch.ones(1, 1))
    >>> out = IntentMask()(image=torch.rand(1, 3, 2, 4), intent=Text.of(["the automobile"]), detections=found)
    >>> out.mask[0, 0].tolist(), out.explanation.sentences
    ([True, True, False, False], ["'the automobile': 1 of 1 of car, car 1."])
    """

    def __init__(self, *, otherwise: str = "error", names: tuple[str, ...] = COCO) -> None:
        super().__init__()
        require(otherwise in OTHERWISE, "otherwise", f"one of {', '.join(OTHERWISE)}", otherwise)
        self.otherwise, self.names = otherwise, tuple(names)

    @torch.no_grad()
    def forward(
        self,
        image: Image,
        intent: Text,
        detections: Detections,
        instances: Int[Tensor, "batch height width"] | None = None,
    ) -> Understood:
        sentences = intent.sentences * (len(image) if len(intent.sentences) == 1 else 1)
        if len(sentences) != len(image):
            raise DimensionError(f"intent must have one sentence, or one a picture (got {len(sentences)})")
        if instances is not None and instances.shape[1:] != image.shape[2:]:
            wanted, got = ("x".join(map(str, shape)) for shape in (image.shape[2:], instances.shape[1:]))
            raise DimensionError(f"instances must be of the picture's size, {wanted} pixels (got {got})")
        chosen = [
            self._selected(sentence, image[number], self._objects(detections, instances, number, image))
            for number, sentence in enumerate(sentences)
        ]
        return Understood(
            torch.stack([each.mask for each in chosen]),
            torch.tensor([each.found for each in chosen], device=image.device),
            Text.of([" ".join(each.reasons) for each in chosen]),
        )

    def _objects(
        self, detections: Detections, instances: Tensor | None, picture: int, image: Tensor
    ) -> list[SceneObject]:
        found: list[SceneObject] = []
        places = zip(detections.category[picture].tolist(), detections.corners[picture].tolist(), strict=True)
        for number, (category, box) in enumerate(places, 1):
            if category < 0:
                continue
            pixels = _box_pixels(box, image) if instances is None else instances[picture] == number
            name = self.names[category] if category < len(self.names) else f"class {category}"
            found.append(SceneObject(number, name, (box[0], box[1], box[2], box[3]), pixels))
        return found

    def _selected(self, sentence: str, image: Tensor, objects: Sequence[SceneObject]) -> Selection:
        known = {name for name in self.names if name not in COCO}
        selection = select(read_request(sentence, known), objects, image)
        if selection.found or self.otherwise == "nothing":
            return selection
        if self.otherwise == "error":
            raise LinksimError(f"intent '{sentence:.80}': {' '.join(selection.reasons)}")
        reasons = (*selection.reasons, "So all pixels are kept.")
        return Selection(selection.numbers, torch.ones_like(selection.mask), reasons, found=False)


def _box_pixels(box: Sequence[float], image: Tensor) -> Tensor:
    """True inside a box, bool [height, width]."""
    mask = torch.zeros(image.shape[2:], dtype=torch.bool, device=image.device)
    left, top, right, bottom = (max(round(edge), 0) for edge in box)
    mask[top:bottom, left:right] = True
    return mask
