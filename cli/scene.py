"""The objects of a picture that a sentence is about."""

from pathlib import Path
from typing import Any

from torch import Tensor

from linksim.blocks import ObjectDetector
from linksim.blocks.semantics import read_detections
from linksim.blocks.sources.segmented_pictures import read_numbers
from linksim.errors import ParameterError


def check_scene(boxes: Path | None, masks: Path | None, detector: str | None) -> None:
    """Raise `ParameterError` where there is nothing to know the objects by, or too much."""
    if (boxes is None) == (detector is None):
        raise ParameterError("the sentence is about objects: give their --boxes (a JSON file), or a --detector")
    if masks is not None and boxes is None:
        raise ParameterError("--masks has the pixels of the objects in --boxes; give both")


def find_scene(image: Tensor, boxes: Path | None, masks: Path | None, detector: str | None) -> dict[str, Any]:
    """`detections`, and `instances` where there are masks, of a picture [1, 3, height, width], as `IntentMask` takes
    them. Raises what files and detector raise."""
    if boxes is None:
        assert detector is not None
        return {"detections": ObjectDetector(model=detector)(image=image)}
    found = {"detections": read_detections(boxes)}
    return found if masks is None else {**found, "instances": read_numbers(masks)[None].long()}
