"""The street scenes with labelled objects that accompany SA-OOSC."""

import json
from dataclasses import dataclass
from pathlib import Path

from linksim.blocks.importance.box_files import read_boxes
from linksim.errors import FileError, nearest
from linksim.types import Boxes


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


def street_scenes(folder: Path, part: str = "val", labels: str = "importance_mllm") -> list[StreetScene]:
    """The scenes of one part of the split, in the split's order.

    `labels` names the folder of labels: importance_mllm, or importance_human_a, _b, _c. A scene without a file of
    labels is refused. Raises `FileError` naming what is missing.
    """
    split = folder / "split.json"
    if not split.is_file():
        raise FileError(f"no street scenes in '{folder}': '{split.name}' is missing")
    parts = json.loads(split.read_text("utf-8"))
    if part not in parts:
        raise FileError(f"'{split}' has no part '{part}'; {nearest(part, parts)}")
    scenes = [
        StreetScene(
            name, folder / "images" / f"{name}.webp", folder / "detections" / f"{name}.json",
            folder / labels / f"{name}.json",
        )
        for name in parts[part]
    ]  # fmt: skip
    for scene in scenes:
        for path in (scene.picture, scene.detections, scene.labels):
            if not path.is_file():
                raise FileError(f"scene '{scene.name}' lacks '{path}'")
    return scenes
