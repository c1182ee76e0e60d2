"""Boxes and labels from JSON files."""

import warnings
from pathlib import Path
from typing import Any

import torch

from linksim.errors import FileError
from linksim.files import read_json
from linksim.types import Boxes

CORNERS = ("x1", "y1", "x2", "y2")


def read_boxes(boxes: Path, labels: Path | None = None) -> Boxes:
    """Labelled boxes of one picture, [1, objects], from files.

    Either one list of `{"box": {"x1": ..., "y1": ..., "x2": ..., "y2": ...}, "importance": 0..3}`, or SA-OOSC's two
    files: a list of detections with `track_id`, and a mapping from those ids to labels. A detection without a label,
    or a label without a detection, is left out with a warning.

    Raises `FileError` naming the file and the entry where it is not of that form.
    """
    entries = read_json(boxes)
    if not isinstance(entries, list):
        raise FileError(f"'{boxes}' must hold a list of boxes (got {type(entries).__name__})")
    known = None if labels is None else read_labels(labels)
    corners: list[list[float]] = []
    importance: list[int] = []
    for number, entry in enumerate(entries):
        where = f"'{boxes}', entry {number}"
        box = corners_of(entry, where)
        label = _label(entry, known, where)
        if label is not None:
            corners.append(box)
            importance.append(label)
    if known is not None:
        _warn_of_strays(entries, known, boxes, labels)
    return Boxes(torch.tensor(corners).reshape(1, -1, 4), torch.tensor([importance], dtype=torch.int64))


def read_labels(path: Path) -> dict[str, int]:
    """Labels 0 to 3 by id. Raises `FileError` naming the file."""
    labels = read_json(path)
    if not isinstance(labels, dict) or not all(_is_label(label) for label in labels.values()):
        raise FileError(f"'{path}' must map ids to labels 0 to 3")
    return labels


def corners_of(entry: Any, where: str) -> list[float]:
    """The corners in an entry's `box`. Raises `FileError` beginning with `where`."""
    box = entry.get("box") if isinstance(entry, dict) else None
    if not isinstance(box, dict) or not all(_is_number(box.get(name)) for name in CORNERS):
        raise FileError(f"{where}: must have a 'box' with the numbers {', '.join(CORNERS)}")
    if box["x1"] > box["x2"] or box["y1"] > box["y2"]:
        raise FileError(f"{where}: x1 must not exceed x2, nor y1 y2 (got {box})")
    return [float(box[name]) for name in CORNERS]


def _label(entry: dict[str, Any], known: dict[str, int] | None, where: str) -> int | None:
    if known is not None:
        return known.get(str(entry.get("track_id")))
    if not _is_label(entry.get("importance")):
        raise FileError(f"{where}: 'importance' must be 0, 1, 2 or 3 (got {entry.get('importance')!r}); "
                        "or give the labels in a file of their own")  # fmt: skip
    return entry["importance"]


def _warn_of_strays(entries: list[dict[str, Any]], known: dict[str, int], boxes: Path, labels: Path | None) -> None:
    ids = {str(entry.get("track_id")) for entry in entries}
    unlabelled, unseen = len(ids - set(known)), len(set(known) - ids)
    if unlabelled or unseen:
        warnings.warn(
            f"'{boxes}' and '{labels}' do not have the same ids: {unlabelled} detections have no label and "
            f"{unseen} labels have no detection; they are left out",
            stacklevel=3,
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _is_label(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3
