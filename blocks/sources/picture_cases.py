"""Pictures of a folder as the cases of a sweep."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linksim.blocks.sources.picture_source import list_pictures, read_picture
from linksim.blocks.sources.street_scenes import StreetScene, street_scenes
from linksim.errors import FileError


class PictureCases:
    """Inputs `image` and, for labelled street scenes, `boxes`: one picture per case, read when its turn comes.

    Give picture files or a folder of them; `PictureCases.scenes` takes a folder with `split.json`. What identifies the
    cases is what is in the files, not where they are.

    Raises `FileError` where there are no pictures.
    """

    def __init__(self, pictures: str | Path | Sequence[str | Path]) -> None:
        several = pictures if isinstance(pictures, Sequence) and not isinstance(pictures, str) else [pictures]
        self.paths = [path.resolve() for each in several for path in list_pictures(Path(each))]
        self._scenes: list[StreetScene] = []
        if not self.paths:
            raise FileError("no pictures given")

    @staticmethod
    def scenes(folder: str | Path, part: str = "val") -> "PictureCases":
        """The labelled street scenes of one part of a folder's split."""
        found = list(street_scenes(Path(folder), part))
        cases = PictureCases([scene.picture for scene in found])
        cases._scenes = found
        return cases

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        case: dict[str, Any] = {"image": read_picture(self.paths[index])[None]}
        if self._scenes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case["boxes"] = self._scenes[index].boxes()
        return case

    def digest(self) -> str:
        """SHA-256 over the files and the boxes."""
        digest = hashlib.sha256()
        for index, path in enumerate(self.paths):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
            if self._scenes:
                digest.update(repr(self[index]["boxes"]).encode())
        return digest.hexdigest()
