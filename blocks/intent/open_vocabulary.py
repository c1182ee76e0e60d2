"""Regions by models of ultralytics that take any noun for a prompt."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.intent.request import noun_phrases
from linksim.blocks.intent.selection import Selection
from linksim.blocks.intent.understanding import Understand, nothing, union, worded
from linksim.blocks.semantics.object_detector import imported_ultralytics
from linksim.errors import LinksimError
from linksim.randomness import global_state

MODEL = "yoloe-11s-seg.pt"
CONFIDENCE = 0.25
SAM3 = "sam3"


def open_vocabulary(model: str) -> Understand:
    """By YOLOE, or by SAM 3 where the name of the weights begins with "sam3"."""
    find = _by_sam3 if Path(model).name.startswith(SAM3) else _by_yoloe

    def understand(sentence: str, image: Tensor) -> Selection:
        wanted, unwanted = noun_phrases(worded(sentence))
        if not wanted:
            return nothing(image, "Not understood: no object is named.")
        found = find(model, image, [*wanted, *unwanted])
        return _selected(image, wanted, unwanted, found)

    return understand


def _selected(image: Tensor, wanted: Sequence[str], unwanted: Sequence[str], found: list[list[Tensor]]) -> Selection:
    """From the masks of each phrase. What is not there cannot be taken away, which is no fault."""
    reasons = [
        f"'{phrase}': {len(masks)} found." if masks else f"Nothing matches '{phrase}'."
        for phrase, masks in zip((*wanted, *unwanted), found, strict=True)
    ]
    taken = [mask for masks in found[: len(wanted)] for mask in masks]
    mask = union(taken, image) & ~union([mask for masks in found[len(wanted) :] for mask in masks], image)
    whole = all(found[: len(wanted)]) and bool(mask.any())
    return Selection(tuple(range(1, len(taken) + 1)), mask, tuple(reasons), whole)


def _by_yoloe(model: str, image: Tensor, phrases: Sequence[str]) -> list[list[Tensor]]:
    network = _yoloe(model)
    # A phrase that stands twice is one class.
    names = list(dict.fromkeys(phrases))
    try:
        with global_state, torch.random.fork_rng():
            network.set_classes(names)
    except Exception as error:
        raise LinksimError(
            f"the words of the intent cannot be encoded for '{model}' ({type(error).__name__}); YOLOE needs the "
            "package clip and the file mobileclip_blt.ts, which ultralytics fetches"
        ) from error
    found = predicted(
        lambda: network.predict(eight_bit_array(image), conf=CONFIDENCE, verbose=False, retina_masks=True)
    )
    classes = [] if found.boxes is None else found.boxes.cls.long().tolist()
    masks = result_masks(found, image)
    by_name = {name: [m for m, c in zip(masks, classes, strict=True) if names[c] == name] for name in names}
    return [by_name[phrase] for phrase in phrases]


def _by_sam3(model: str, image: Tensor, phrases: Sequence[str]) -> list[list[Tensor]]:
    predictor = _sam3(model)
    predictor.set_image(eight_bit_array(image))
    return [result_masks(predicted(lambda phrase=phrase: predictor(text=[phrase])), image) for phrase in phrases]


def predicted(predict: Callable[[], Any]) -> Any:
    """What a network of ultralytics says of its one picture, no random number of others drawn."""
    with global_state, torch.random.fork_rng(), torch.no_grad():
        return predict()[0]


def result_masks(found: Any, image: Tensor) -> list[Tensor]:
    """Of ultralytics' results, bool [height, width] each."""
    if found.masks is None:
        return []
    masks = found.masks.data.float()[:, None]
    if masks.shape[2:] != image.shape[1:]:
        masks = torch.nn.functional.interpolate(masks, tuple(image.shape[1:]), mode="bilinear")
    return [mask[0] > 0.5 for mask in masks.to(image.device)]


def eight_bit_array(image: Tensor) -> Any:
    """As ultralytics reads arrays: 8 bits, blue first, [height, width, 3]."""
    shown = (image.detach().clamp(0, 1) * 255).round().byte().flip(0).movedim(0, -1)
    return shown.contiguous().cpu().numpy()


@cache
def _yoloe(model: str) -> Any:
    return imported_ultralytics("YOLOE", model)


@cache
def _sam3(model: str) -> Any:
    if not Path(model).is_file():
        raise LinksimError(
            f"there are no weights '{model}': download sam3.pt from its authors, who ask for a registration, and give "
            "its path"
        )
    settings = {"conf": CONFIDENCE, "task": "segment", "mode": "predict", "model": model, "verbose": False}
    return imported_ultralytics("SAM3SemanticPredictor", model, overrides=settings)
