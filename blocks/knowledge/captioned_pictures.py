"""Pictures with captions, from files."""

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from linksim.blocks.sources.segmented_pictures import ANNOTATIONS, is_segmented, segmented_pictures
from linksim.blocks.text.tokenizer import checked_words
from linksim.errors import FileError, ParameterError
from linksim.files import read_json

METADATA = "metadata.jsonl"
FORMS = (
    f"a folder of pictures with {METADATA}, whose lines have 'file_name' and 'text', a folder with annotations.json, "
    "images, masks and captions, or a .json file of a grid of tiles"
)


class CaptionedPicture(NamedTuple):
    """Pixels uint8 [3, height, width], a sentence that describes them, and the class, "" where none is given."""

    pixels: Tensor
    caption: str
    label: str = ""

    def __repr__(self) -> str:
        # A sweep tells links apart by what their blocks hold, and a block may hold thousands of these.
        return f"CaptionedPicture({zlib.crc32(self.pixels.numpy().tobytes()):08x}, {self.caption!r}, {self.label!r})"

    def image(self, size: int) -> Tensor:
        """RGB in [0, 1], [3, size, size], scaled."""
        pixels = self.pixels[None].float() / 255
        if pixels.shape[-2:] == (size, size):
            return pixels[0]
        scaled = functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
        return scaled[0].clamp(0, 1)


def read_captioned_pictures(path: str) -> Sequence[CaptionedPicture]:
    """The pictures of a folder or a file, in their order, read once while the file stays as it is.

    A folder holds pictures and metadata.jsonl, one line {"file_name": ..., "text": ...} for each, with "label" where
    there are classes: the form of the Hugging Face image folders. A .json file holds {"tile", "columns", "files",
    "items"}: pictures of equal size cut from grids, row by row, `items` with "caption" or "captions", and "label".

    Raises `FileError` where there is no such file, it has another form, or a caption is no sentence that
    `WordTokenizer` takes.
    """
    place = Path(path)
    if place.is_dir():
        place = place / (ANNOTATIONS if is_segmented(place) else METADATA)
    try:
        changed = place.stat().st_mtime_ns
    except OSError:
        raise FileError(f"no captioned pictures at '{path}'; give {FORMS}") from None
    return _read(place, changed)


def split_pictures(
    pictures: Sequence[CaptionedPicture], hold_out: int
) -> tuple[Sequence[CaptionedPicture], Sequence[CaptionedPicture]]:
    """Those to train on, and each `hold_out`-th, which is held out."""
    kept = [picture for number, picture in enumerate(pictures) if number % hold_out != hold_out - 1]
    return kept, pictures[hold_out - 1 :: hold_out]


@lru_cache(maxsize=8)
def _read(place: Path, _changed: int) -> Sequence[CaptionedPicture]:
    try:
        found = READERS.get(place.name, _grid)(place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise FileError(f"'{place}' has no captioned pictures that can be read ({error}); give {FORMS}") from None
    if not found:
        raise FileError(f"'{place}' has no captioned pictures")
    for number, picture in enumerate(found, 1):
        if not isinstance(picture.caption, str):
            raise FileError(f"'{place}', picture {number}: a caption must be text (got {picture.caption!r})")
        try:
            checked_words(picture.caption)
        except ParameterError as error:
            raise FileError(f"'{place}', picture {number}: {error}") from None
    return found


def _folder(place: Path) -> Sequence[CaptionedPicture]:
    lines = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        CaptionedPicture(_pixels(place.parent / line["file_name"]), line["text"], str(line.get("label", "")))
        for line in lines
    ]


def _segmented(place: Path) -> Sequence[CaptionedPicture]:
    stored = [each for each in segmented_pictures(place.parent, "train") if each.captions]
    return [CaptionedPicture(_pixels(each.picture), each.captions[0]) for each in stored]


def _grid(place: Path) -> Sequence[CaptionedPicture]:
    content = read_json(place)
    edge, columns, items = int(content["tile"]), int(content["columns"]), content["items"]
    if edge < 1 or columns < 1:
        raise ValueError(f"'tile' and 'columns' must be at least 1, not {edge} and {columns}")
    found: list[CaptionedPicture] = []
    for name in content["files"]:
        pixels = _pixels(_beside(place, name))
        if pixels.shape[2] < columns * edge:
            raise ValueError(f"{columns} tiles of {edge} pixels are wider than '{name}'")
        room = min(len(items) - len(found), columns * (pixels.shape[1] // edge))
        for row, column in (divmod(at, columns) for at in range(room)):
            tile = pixels[:, row * edge : (row + 1) * edge, column * edge : (column + 1) * edge]
            item = items[len(found)]
            found.append(CaptionedPicture(tile, _caption(item), str(item.get("label", ""))))
    if len(found) < len(items):
        raise ValueError(f"{len(items)} captions for {len(found)} pictures")
    return found


def _beside(place: Path, name: str) -> Path:
    """A file named from the folder of `place`, or from the folder above it."""
    near = place.parent / name
    return near if near.is_file() else place.parent.parent / name


def _caption(item: Mapping[str, Any]) -> str:
    return item["caption"] if "caption" in item else item["captions"][0]


def _pixels(path: Path) -> Tensor:
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(path) as picture:
            return torch.from_numpy(np.array(picture.convert("RGB"))).movedim(-1, 0)
    except PillowImage.DecompressionBombError as error:
        raise ValueError(f"'{path.name}': {error}") from None


READERS = {METADATA: _folder, ANNOTATIONS: _segmented}
