"""Street scenes with detections and labels per object: the benchmark that accompanies SA-OOSC, and folders like it."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from linksim.blocks.importance.box_files import read_boxes, read_labels
from linksim.blocks.sources.picture_file import SUFFIXES, is_picture
from linksim.errors import FileError, nearest
from linksim.files import read_json
from linksim.types import Boxes

LABELS = "importance_mllm"
CITYSCAPES_WORD = "_leftImg8bit"
FILES_LOOKED_AT = 3
"""In a folder of another name than usual: what they are decides what it is."""


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

    The folder holds `images`, `detections` and folders of labels, as importance_mllm, importance_human_a, _b, _c. The
    folders of pictures and of detections may have other names, where one folder only holds such files, and a JSON file
    may be called after its scene with an ending, as SCENE_importance.json: so SA-OOSC's authors published theirs, with
    labels in folders called after the annotators. A scene without a file of labels is refused. Raises `FileError`
    naming what is missing.
    """
    scenes = [
        StreetScene(
            name,
            scene_picture(folder, name),
            scene_json(detections_folder(folder), name),
            scene_json(folder / labels, name),
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
        if part is None and pictures_folder(folder).is_dir():
            return sorted(path.stem for path in pictures_folder(folder).iterdir() if is_picture(path))
        wanted = f"'{split.name}' is missing"
        if part is None:
            wanted += ", and there is neither 'images' nor exactly one other folder of pictures"
        raise FileError(f"no street scenes in '{folder}': {wanted}")
    parts = read_json(split)
    if not isinstance(parts, dict) or not all(_is_list_of_names(each) for each in parts.values()):
        raise FileError(f"'{split}' must map the parts of the split to lists of scene names")
    if part is not None and part not in parts:
        raise FileError(f"'{split}' has no part '{part}'; {nearest(part, parts)}")
    return [name for each in parts for name in parts[each] if part in (None, each)]


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def labelled_objects(folder: Path, part: str | None, annotators: tuple[str, ...]) -> list[LabelledObjects]:
    """Detections with the labels of several annotators, by scene; what does not match is left out and said.

    An annotator's folder is named after it, as importance_human_a. Raises `FileError` where a file cannot be read.
    """
    found: list[LabelledObjects] = []
    for name in scene_names(folder, part):
        path = scene_json(detections_folder(folder), name)
        entries = read_json(path)
        if not isinstance(entries, list):
            raise FileError(f"'{path}' must hold a list of detections (got {type(entries).__name__})")
        detections = {str(entry.get("track_id")): entry for entry in entries if isinstance(entry, dict)}
        labels = {annotator: read_labels(scene_json(folder / annotator, name)) for annotator in annotators}
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
    inside = pictures_folder(folder)
    paths = [inside / f"{name}{suffix}" for suffix in SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None and inside.is_dir():
        # Suffixes in capitals, as cameras write them.
        found = next((path for path in inside.iterdir() if path.stem == name and is_picture(path)), None)
    return found or paths[0]


def scene_json(folder: Path, name: str) -> Path:
    """The scene's file in a folder of detections or labels: SCENE.json, or SCENE_ending.json, one ending for all."""
    exact = folder / f"{name}.json"
    if exact.is_file() or not folder.is_dir():
        return exact
    return folder / f"{name}{_ending(folder, folder.stat().st_mtime_ns)}.json"


@lru_cache(maxsize=64)
def _ending(folder: Path, _changed: int) -> str:
    """What all file names of a folder end with from an underscore on, as "_importance"; "" where they do not."""
    stems = [path.stem for path in folder.glob("*.json")]
    endings = {f"_{stem.rpartition('_')[2]}" for stem in stems if "_" in stem}
    # Cityscapes' own names all end with the same word: that is part of the name, not of the file's kind.
    return endings.pop() if len(endings) == 1 and all("_" in s for s in stems) and endings != {CITYSCAPES_WORD} else ""


def pictures_folder(folder: Path) -> Path:
    """`images`, or the one other folder within that holds pictures."""
    return _only(folder, "images", is_picture)


def detections_folder(folder: Path) -> Path:
    """`detections`, or the one other folder within whose JSON files hold lists of boxes."""
    return _only(folder, "detections", lambda path: path.suffix == ".json" and isinstance(read_json(path), list))


def _only(folder: Path, usual: str, fits: Callable[[Path], bool]) -> Path:
    """The usual folder, or where that is not there the only one whose first file fits."""
    if (folder / usual).is_dir() or not folder.is_dir():
        return folder / usual
    inner = (path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))
    found = [path for path in inner if any(_fits(fits, file) for file in sorted(path.iterdir())[:FILES_LOOKED_AT])]
    return found[0] if len(found) == 1 else folder / usual


def _fits(fits: Callable[[Path], bool], file: Path) -> bool:
    try:
        return file.is_file() and fits(file)
    except FileError:
        return False
