"""Objects by a detector of ultralytics."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from linksim.block import Block
from linksim.errors import LinksimError, require
from linksim.randomness import global_state
from linksim.types import Detections, Image

HOMES = {"SAM3SemanticPredictor": "ultralytics.models.sam"}
"""Modules of classes that the package itself does not export."""


class ObjectDetector(Block):
    """Boxes, COCO classes and confidences of the objects in a picture, by a model of ultralytics (extra `detect`).

    ultralytics is licensed under AGPL-3.0, which binds who passes on a program built on it; linksim works without it,
    with detections from a file (`read_detections`).

    Args:
        model: a name that ultralytics knows and fetches, as "yolo11x.pt", or a local file of weights.
        confidence: the least, 0 to 1.
        most: objects a picture at the most, the surest first.

    Shapes: image [batch, 3, height, width]; out [batch, objects found in the fullest picture], padded with class -1.
    A detector's choice has no gradient.
    Source: Redmon et al., CVPR 2016; https://docs.ultralytics.com

    Raises:
        ParameterError: a parameter is out of range.
        LinksimError: ultralytics is not installed, or the weights are not there and cannot be fetched.

    >>> ObjectDetector(confidence=0.4)
    ObjectDetector(model='yolo11x.pt', confidence=0.4, most=100)
    """

    def __init__(self, *, model: str = "yolo11x.pt", confidence: float = 0.25, most: int = 100) -> None:
        super().__init__()
        require(0 <= confidence <= 1, "confidence", "in 0..1", confidence)
        require(most > 0, "most", "at least 1", most)
        self.model, self.confidence, self.most = model, confidence, most

    def forward(self, image: Image) -> Detections:
        network = _load(self.model)
        # ultralytics reads arrays as 8 bits, blue first, and scales and pads each for itself.
        pixels = (image.detach().clamp(0, 1) * 255).round().byte().flip(1).movedim(1, -1).cpu().numpy()
        found = network.predict(
            list(pixels), conf=self.confidence, max_det=self.most, device=str(image.device), verbose=False
        )
        return _padded([result.boxes for result in found], image.device)


def _padded(found: list[Any], device: torch.device) -> Detections:
    widest = max((len(boxes) for boxes in found), default=0)
    corners = torch.zeros(len(found), widest, 4)
    category = torch.full((len(found), widest), -1)
    confidence = torch.zeros(len(found), widest)
    for row, boxes in enumerate(found):
        count = len(boxes)
        corners[row, :count], category[row, :count] = boxes.xyxy.float().cpu(), boxes.cls.long().cpu()
        confidence[row, :count] = boxes.conf.float().cpu()
    return Detections(corners.to(device), category.to(device), confidence.to(device))


@contextmanager
def _as_it_was() -> Generator[None]:
    """Importing ultralytics changes what others use: Pillow's open, which then may install packages to read a broken
    picture, torch's save, how tensors are printed, and the state of random numbers. Afterwards all is as before."""
    from PIL import Image as PillowImage

    changed: list[tuple[Any, str]] = [(PillowImage, "open"), (torch, "save")]
    before = [getattr(owner, name) for owner, name in changed]
    printed = dict(vars(torch._tensor_str.PRINT_OPTS))  # pyright: ignore[reportAttributeAccessIssue]
    try:
        with global_state, torch.random.fork_rng():
            yield
    finally:
        for (owner, name), value in zip(changed, before, strict=True):
            setattr(owner, name, value)
        torch.set_printoptions(**printed)


@cache
def _load(model: str) -> Any:
    return imported_ultralytics("YOLO", model)


def imported_ultralytics(name: str, model: str, **settings: Any) -> Any:
    """A class of ultralytics, made with these weights, or with `settings` where there are any.

    Raises `LinksimError` where ultralytics is not installed, or the weights are not there and cannot be fetched.
    """
    try:
        with _as_it_was():
            kind = getattr(import_module(HOMES.get(name, "ultralytics")), name)
    except ImportError:
        raise LinksimError(
            "ultralytics (AGPL-3.0) is not installed; install it with: pip install 'linksim[detect]', or give "
            "detections from a file"
        ) from None
    try:
        with global_state, torch.random.fork_rng():
            return kind(**settings) if settings else kind(model)
    except Exception as error:
        raise LinksimError(
            f"the weights '{model}' are not there and cannot be fetched ({type(error).__name__}); download "
            f"{Path(model).name} from https://github.com/ultralytics/assets/releases and give its path, or give "
            "detections from a file"
        ) from error
