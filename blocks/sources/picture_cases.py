"""Pictures of a folder as the cases of a sweep."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linksim.blocks.semantics.detection_files import read_detections
from linksim.blocks.sources.picture_file import list_pictures, read_picture
from linksim.blocks.sources.street_scenes import StreetScene, street_scenes
from linksim.errors import FileError, require
from linksim.types import Boxes


class PictureCases:
    """Inputs `image` and, for labelled street scenes, `boxes` and if wished `detections`: one picture per case, read
    when its turn comes.

    Give picture files or a folder of them; `PictureCases.scenes` takes a folder with `split.json`. What identifies the
    cases is what is in the files, not where they are.

    Raises `FileError` where there are no pictures.
    """

    def __init__(self, pictures: str | Path | Sequence[str | Path]) -> None:
        require(isinstance(pictures, str | Path | Sequence), "pictures", "a path, or a list of paths", pictures)
        several = pictures if isinstance(pictures, Sequence) and not isinstance(pictures, str) else [pictures]
        self.paths = [path.resolve() for each in several for path in list_pictures(Path(each))]
        self._scenes: list[StreetScene] = []
        self._detected = False
        if not self.paths:
            raise FileError("no pictures given")

    @staticmethod
    def scenes(folder: str | Path, part: str = "val", *, detections: bool = False) -> "PictureCases":
        """The labelled street scenes of one part of a folder's split, with `detections` for links that take them."""
        found = list(street_scenes(Path(folder), part))
        cases = PictureCases([scene.picture for scene in found])
        cases._scenes, cases._detected = found, detections
        return cases

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that every case gives."""
        return ("image", *(["boxes"] if self._scenes else []), *(["detections"] if self._detected else []))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        case: dict[str, Any] = {"image": read_picture(self.paths[index])[None]}
        if self._scenes:
            case["boxes"] = self.boxes_of(index)
        if self._detected:
            case["detections"] = read_detections(self._scenes[index].detections)
        return case

    def boxes_of(self, index: int) -> Boxes:
        """The labelled boxes of a street scene, without its picture."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._scenes[index].boxes()

    def digest(self) -> str:
        """SHA-256 over the files, the boxes and the detections."""
        digest = hashlib.sha256()
        for index, path in enumerate(self.paths):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
            if self._scenes:
                digest.update(repr(self.boxes_of(index)).encode())
            if self._detected:
                digest.update(repr(read_detections(self._scenes[index].detections)).encode())
        return digest.hexdigest()
