"""Street scenes with detections and labels per object: the benchmark that accompanies SA-OOSC, and folders like it."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linksim.blocks.importance.box_files import read_boxes, read_json, read_labels
from linksim.errors import FileError, nearest
from linksim.types import Boxes

SUFFIXES = (".webp", ".png", ".jpg", ".jpeg")
LABELS = "importance_mllm"


@dataclass(frozen=True)
class StreetScene:
    """One scene: its name, its picture, and its files of detections and of labels."""

    name: str
    picture: Path
    detections: Path
    labels: Path

    def boxes(self) -> Boxes:
        """The labelled boxes, [1, objects]; warns where detections and labels do not match."""
        return read_boxes(self.detections, self.labels)


@dataclass(frozen=True)
class LabelledObjects:
    """The objects of one scene: detections by id, as they stand in the file, and labels 0 to 3 by annotator and id."""

    name: str
    detections: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])


def street_scenes(folder: Path, part: str | None = "val", labels: str = LABELS) -> list[StreetScene]:
    """The scenes of one part of the split, in the split's order; of all parts, or of all pictures where there is no
    split, with `part` None.

    The folder holds `images`, `detections` and folders of labels, as importance_mllm and importance_human_a, _b, _c. A
    scene without a file of labels is refused. Raises `FileError` naming what is missing.
    """
    scenes = [
        StreetScene(
            name, scene_picture(folder, name), folder / "detections" / f"{name}.json", folder / labels / f"{name}.json"
        )
        for name in scene_names(folder, part)
    ]
    for scene in scenes:
        for path in (scene.picture, scene.detections, scene.labels):
            if not path.is_file():
                raise FileError(f"scene '{scene.name}' lacks '{path}'")
    return scenes


def scene_names(folder: Path, part: str | None) -> list[str]:
    """The names of the scenes of one part of the split, or of all with None. Raises `FileError`."""
    split = folder / "split.json"
    if not split.is_file():
        if part is None and (folder / "images").is_dir():
            return sorted(path.stem for path in (folder / "images").iterdir() if path.suffix.lower() in SUFFIXES)
        raise FileError(f"no street scenes in '{folder}': '{split.name}' is missing")
    parts = json.loads(split.read_text("utf-8"))
    if part is not None and part not in parts:
        raise FileError(f"'{split}' has no part '{part}'; {nearest(part, parts)}")
    return [name for each in parts for name in parts[each] if part in (None, each)]


def labelled_objects(folder: Path, part: str | None, annotators: tuple[str, ...]) -> list[LabelledObjects]:
    """Detections with the labels of several annotators, by scene; what does not match is left out and said.

    An annotator's folder is named after it, as importance_human_a. Raises `FileError` where a file cannot be read.
    """
    found: list[LabelledObjects] = []
    for name in scene_names(folder, part):
        path = folder / "detections" / f"{name}.json"
        entries = read_json(path)
        if not isinstance(entries, list):
            raise FileError(f"'{path}' must hold a list of detections (got {type(entries).__name__})")
        detections = {str(entry.get("track_id")): entry for entry in entries if isinstance(entry, dict)}
        labels = {annotator: read_labels(folder / annotator / f"{name}.json") for annotator in annotators}
        for annotator, given in labels.items():
            missing, strange = detections.keys() - given.keys(), given.keys() - detections.keys()
            if missing or strange:
                warnings.warn(
                    f"scene '{name}', {annotator}: {len(missing)} detections have no label and {len(strange)} labels "
                    "have no detection; they are left out",
                    stacklevel=2,
                )
        found.append(LabelledObjects(name, detections, labels))
    return found


def scene_picture(folder: Path, name: str) -> Path:
    """The picture's file, of whatever suffix it has."""
    paths = [folder / "images" / f"{name}{suffix}" for suffix in SUFFIXES]
    return next((path for path in paths if path.is_file()), paths[0])
