"""Detections as JSON files in the form of SA-OOSC's benchmark."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from linksim.blocks.importance.box_files import corners_of
from linksim.blocks.semantics.categories import COCO, NUMBER
from linksim.errors import FileError
from linksim.files import read_json, write_whole
from linksim.types import Detections


def read_detections(path: Path) -> Detections:
    """The detections of one picture, [1, objects], from a list of `{"name" or "class", "confidence", "box"}`.

    Raises `FileError` naming the entry that is not of that form, or whose class is not COCO's.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise FileError(f"'{path}' must hold a list of detections (got {type(entries).__name__})")
    found = [_entry(entry, f"'{path}', entry {number}") for number, entry in enumerate(entries)]
    corners, categories, confidences = zip(*found, strict=True) if found else ((), (), ())
    return Detections(
        torch.tensor(corners).reshape(1, -1, 4),
        torch.tensor([categories], dtype=torch.int64),
        torch.tensor([confidences]).reshape(1, -1),
    )


def _entry(entry: Any, where: str) -> tuple[list[float], int, float]:
    corners = corners_of(entry, where)
    category = NUMBER.get(str(entry.get("name")), entry.get("class"))
    if not isinstance(category, int) or not 0 <= category < len(COCO):
        got = entry.get("name", entry.get("class"))
        raise FileError(f"{where}: 'name' must be one of COCO's classes, or 'class' its number (got {got!r})")
    confidence = entry.get("confidence", 1.0)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise FileError(f"{where}: 'confidence' must be in 0..1 (got {confidence!r})")
    return corners, category, float(confidence)


def detection_list(detections: Detections, index: int = 0) -> list[dict[str, Any]]:
    """Those of one picture of a batch as plain values, ids from 1."""
    rows = zip(
        detections.corners[index].tolist(),
        detections.category[index].tolist(),
        detections.confidence[index].tolist(),
        strict=True,
    )
    return [
        {"name": COCO[category], "class": category, "confidence": round(confidence, 5),
         "box": dict(zip(("x1", "y1", "x2", "y2"), (round(c, 5) for c in corners), strict=True)), "track_id": number}
        for number, (corners, category, confidence) in enumerate(rows, 1)
        if category >= 0
    ]  # fmt: skip


def write_json(path: Path, content: Sequence[Any] | Mapping[str, Any]) -> None:
    """A file that is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
