"""A sentence and a picture to the mask of what the sentence asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from linksim.block import Block
from linksim.blocks.intent.box_segmenter import BOX, GRABCUT, segmented_boxes
from linksim.blocks.intent.class_activation import SceneObjects, find_classes
from linksim.blocks.intent.endpoint_regions import endpoint_regions
from linksim.blocks.intent.imagenet_classes import IMAGENET
from linksim.blocks.intent.open_vocabulary import MODEL, open_vocabulary
from linksim.blocks.intent.reasoning_segmentation import reasoning_segmentation
from linksim.blocks.intent.request import read_request
from linksim.blocks.intent.selection import SceneObject, Selection, select
from linksim.blocks.intent.understanding import OTHERWISE, Understand, settled
from linksim.blocks.semantics.categories import COCO
from linksim.errors import DimensionError, LinksimError, require
from linksim.types import Detections, Flags, Image, Mask, Text

WORDS = "words"
OTHERS: Mapping[str, Callable[[str, str, str], Understand]] = {
    "open-vocabulary": lambda model, _cache, _segmenter: open_vocabulary(model),
    "endpoint": endpoint_regions,
    "reasoning": lambda model, _cache, _segmenter: reasoning_segmentation(model),
}
BACKENDS = (WORDS, *OTHERS)
MODELS: Mapping[str, str] = {"open-vocabulary": MODEL, "reasoning": "ByteDance/Sa2VA-4B"}
"""Those that are taken where none is named. An endpoint has no default: its models are withdrawn too often."""

NAMED = 0.05
"""Least probability of a class that the sentence names, where objects are looked for here."""
OWN_FINDER = (
    f"Objects were looked for without boxes and without a detector: so {len(IMAGENET)} of COCO's classes are found "
    "where they are large, and no persons. Boxes or a detector tell more."
)


class Understood(NamedTuple):
    """The pixels that are asked for; whether the sentence was understood and something matches it; which objects were
    taken and why, or what was not understood."""

    mask: Mask
    found: Flags
    explanation: Text


class IntentMask(Block):
    """Understand what a user wants of a picture: the knowledge base SKB-UIU.

    - "words": rules of English. The objects are those of `detections`, with their pixels in `instances`; without
      detections those that class activation maps find, see `ClassActivationMasks`. A sentence may name classes by
      their names, synonyms, kinds ("vehicles") and uses ("what one sits on"), narrow them by colour, number, size,
      distance, side and order ("the second person from the left"), add groups ("and"), take some away ("vehicles but
      not buses"), or ask for everything but something, or the background. The English that the rules know is in
      `blocks/intent`; relations between objects ("who has the ball") are beyond them, and they say so.
    - "open-vocabulary": YOLOE, or SAM 3 where the weights are called sam3, finds whatever the nouns name (extra
      `detect`). `model` is a name that ultralytics knows and fetches, or a local file.
    - "endpoint": an OpenAI-compatible endpoint that sees pictures draws boxes and polygons (extra `mllm`).
      OPENAI_BASE_URL and OPENAI_API_KEY name it and its key. `model` is the endpoint's name.
    - "reasoning": a language model that segments, of the kind of LISA, which UIDSC has: ByteDance's Sa2VA and others
      with `predict_forward` (extra `knowledge`). `model` is a local folder or a name of the hub. Code that comes with
      the model is run: name only models that you trust.

    Args:
        backend: "words", "open-vocabulary", "endpoint" or "reasoning".
        model: see above; YOLOE's "yoloe-11s-seg.pt" and "ByteDance/Sa2VA-4B" unless given, an endpoint's must be.
        segmenter: what boxes become, for "words" without instances and for "endpoint": "box", all pixels inside;
            "grabcut", those of the object's colours (OpenCV, extra `knowledge`); or the weights of a SAM of
            ultralytics, as "sam2.1_t.pt".
        cache: for "endpoint": a folder for answers, by content. Empty keeps none.
        otherwise: what happens where a sentence is not understood or nothing matches: "error", "whole", all pixels, or
            "nothing", no pixel.
        names: those of the detections' classes, by number.

    Shapes: image [batch, 3, height, width]; intent, one sentence a picture, or one for all; detections [batch,
    objects]; instances [batch, height, width], at each pixel an object's place in the list from 1, 0 where there is
    none; mask [batch, height, width]. No gradient.
    Source: UIDSC (arXiv 2508.05884), eq. 1; LISA, Lai et al., CVPR 2024; the rules are linksim's.

    Raises:
        ParameterError: a parameter is unknown, or means nothing to the back-end.
        DimensionError: the instances are of another size than the picture, or the sentences of another number.
        LinksimError: a sentence is not understood or nothing matches it, where `otherwise` is "error"; a package or
            weights are missing; or detections were given to a back-end that finds objects itself.

    >>> found = Detections(torch.tensor([[[0.0, 0.0, 2.0, 2.0]]]), torch.tensor([[2]]), torch.ones(1, 1))
    >>> out = IntentMask()(image=torch.rand(1, 3, 2, 4), intent=Text.of(["the automobile"]), detections=found)
    >>> out.mask[0, 0].tolist(), out.explanation.sentences
    ([True, True, False, False], ["'the automobile': 1 of 1 of car, car 1."])
    """

    def __init__(
        self,
        *,
        backend: str = WORDS,
        model: str = "",
        segmenter: str = BOX,
        cache: str = "",
        otherwise: str = "error",
        names: tuple[str, ...] = COCO,
    ) -> None:
        super().__init__()
        require(backend in BACKENDS, "backend", f"one of {', '.join(BACKENDS)}", backend)
        require(otherwise in OTHERWISE, "otherwise", f"one of {', '.join(OTHERWISE)}", otherwise)
        require(backend != WORDS or not model, "model", "left out for the back-end 'words'", model)
        require(backend != "endpoint" or bool(model), "model", "given for the back-end 'endpoint'", repr(model))
        require(backend == "endpoint" or not cache, "cache", "left out, but for the endpoint", cache)
        draws_boxes = backend in (WORDS, "endpoint")
        require(draws_boxes or segmenter == BOX, "segmenter", f"left out for the back-end '{backend}'", segmenter)
        known = segmenter in (BOX, GRABCUT) or segmenter.endswith(".pt")
        require(known, "segmenter", "box, grabcut, or the .pt file of a SAM", segmenter)
        self.backend, self.segmenter = backend, segmenter
        self.otherwise, self.names = otherwise, tuple(names)
        self._understand = None if backend == WORDS else OTHERS[backend](model or MODELS[backend], cache, segmenter)

    @torch.no_grad()
    def forward(
        self,
        image: Image,
        intent: Text,
        detections: Detections | None = None,
        instances: Int[Tensor, "batch height width"] | None = None,
    ) -> Understood:
        sentences = intent.sentences * (len(image) if len(intent.sentences) == 1 else 1)
        if len(sentences) != len(image):
            raise DimensionError(f"intent must have one sentence, or one a picture (got {len(sentences)})")
        scene = self._scenes(image, sentences, detections, instances)
        chosen = [
            settled(self._selection(sentence, image[number], scene, number), sentence, self.otherwise)
            for number, sentence in enumerate(sentences)
        ]
        return Understood(
            torch.stack([each.mask for each in chosen]),
            torch.tensor([each.found for each in chosen], device=image.device),
            Text.of([" ".join(each.reasons) for each in chosen]),
        )

    def _scenes(
        self, image: Tensor, sentences: Sequence[str], detections: Detections | None, instances: Tensor | None
    ) -> "_Scenes | None":
        """The objects that the rules choose from; None for a back-end that finds them itself."""
        if self._understand is not None:
            if detections is not None or instances is not None:
                raise LinksimError(f"the back-end '{self.backend}' finds objects itself; leave out detections")
            return None
        if detections is None:
            if instances is not None:
                raise LinksimError("instances are the pixels of detections; give both")
            found = _seen(image, sentences)
            return _Scenes(found.detections, found.instances, COCO, OWN_FINDER)
        if instances is not None and instances.shape[1:] != image.shape[2:]:
            wanted, got = ("x".join(map(str, shape)) for shape in (image.shape[2:], instances.shape[1:]))
            raise DimensionError(f"instances must be of the picture's size, {wanted} pixels (got {got})")
        return _Scenes(detections, instances, self.names)

    def _selection(self, sentence: str, image: Tensor, scenes: "_Scenes | None", number: int) -> Selection:
        if scenes is None:
            assert self._understand is not None
            return self._understand(sentence, image)
        known = {name for name in scenes.names if name not in COCO}
        request = read_request(sentence, known)
        chosen = select(request, self._objects(scenes, number, image), image)
        if chosen.found or not (request.understood and scenes.limits):
            return chosen
        return replace(chosen, reasons=(*chosen.reasons, scenes.limits))

    def _objects(self, scenes: "_Scenes", picture: int, image: Tensor) -> list[SceneObject]:
        category = scenes.detections.category[picture].tolist()
        boxes = scenes.detections.corners[picture].tolist()
        there = [place for place, kind in enumerate(category) if kind >= 0]
        if scenes.instances is None:
            pixels = segmented_boxes(self.segmenter, image, [boxes[place] for place in there])
        else:
            pixels = [scenes.instances[picture] == place + 1 for place in there]
        found: list[SceneObject] = []
        for place, mask in zip(there, pixels, strict=True):
            kind, box = category[place], boxes[place]
            name = scenes.names[kind] if kind < len(scenes.names) else f"class {kind}"
            found.append(SceneObject(place + 1, name, (box[0], box[1], box[2], box[3]), mask))
        return found


def _seen(image: Tensor, sentences: Sequence[str]) -> SceneObjects:
    """Objects of the classes that the sentences name: a user who names one has seen it."""
    requests = [read_request(sentence) for sentence in sentences]
    named = [frozenset[str]().union(*(c.categories for c in (*r.clauses, *r.without))) for r in requests]
    return find_classes(image, named, NAMED)


@dataclass(frozen=True)
class _Scenes:
    """The objects of a batch of pictures, the names of their classes, and what limits them, in words."""

    detections: Detections
    instances: Tensor | None
    names: tuple[str, ...]
    limits: str = ""
