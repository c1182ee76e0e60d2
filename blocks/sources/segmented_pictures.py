"""Pictures with a mask for each object: a folder with annotations.json, images and masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from linksim.blocks.sources.picture_file import read_picture
from linksim.errors import FileError
from linksim.files import read_json

ANNOTATIONS, PICTURES, MASKS = "annotations.json", "images", "masks"


@dataclass(frozen=True)
class SegmentedObject:
    """An object of a picture: its number in the mask, from 1, the name of its class, its box (x0, y0, x1, y1) in
    pixels."""

    index: int
    category: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class SegmentedPicture:
    """A picture, its objects, the file that says which pixel belongs to which, and sentences that describe it."""

    name: str
    split: str
    picture: Path
    masks: Path
    objects: tuple[SegmentedObject, ...]
    captions: tuple[str, ...] = ()

    def image(self) -> Tensor:
        """float [3, height, width] in [0, 1]. Raises `FileError` where there is no such picture."""
        return read_picture(self.picture)

    def numbers(self) -> Tensor:
        """See `read_numbers`."""
        return read_numbers(self.masks)


def read_numbers(path: Path) -> Tensor:
    """The number of the object at each pixel, uint8 [height, width], 0 where there is none, from a picture of 8 bits.

    Raises `FileError` where the file cannot be read or has several values a pixel.
    """
    try:
        with PillowImage.open(path) as opened:
            numbers = torch.from_numpy(np.array(opened, dtype=np.uint8))
    except (OSError, ValueError) as error:
        raise FileError(f"'{path}' is no picture of objects' numbers: {error}") from error
    if numbers.dim() != 2:
        raise FileError(f"'{path}' must have one value a pixel, the number of an object (got {numbers.shape[-1]})")
    return numbers


def is_segmented(folder: Path) -> bool:
    """Whether a folder is one of pictures with masks."""
    return (folder / ANNOTATIONS).is_file() and (folder / MASKS).is_dir()


def segmented_pictures(folder: Path, split: str = "") -> Sequence[SegmentedPicture]:
    """The pictures of a folder, or of one of its splits, in the order of annotations.json.

    That file is a list of {"file": name, "split": "train" or "val", "instances": [{"index": its number in the mask,
    "category": class, "box": [x0, y0, x1, y1] in pixels}], "captions": sentences, where there are}; images/NAME.jpg or
    .png is the picture, masks/NAME.png has an object's number at each pixel.

    Raises `FileError` where the file is missing or is not of that form.
    """
    return [each for each in _read(folder, (folder / ANNOTATIONS).stat().st_mtime_ns) if split in ("", each.split)]


@lru_cache(maxsize=4)
def _read(folder: Path, _changed: int) -> tuple[SegmentedPicture, ...]:
    content = read_json(folder / ANNOTATIONS)
    if not isinstance(content, list):
        raise FileError(f"'{folder / ANNOTATIONS}' must hold a list of pictures")
    return tuple(_picture(folder, number, entry) for number, entry in enumerate(content))


def _picture(folder: Path, number: int, entry: Any) -> SegmentedPicture:
    try:
        name = str(entry["file"])
        objects = tuple(
            SegmentedObject(int(each["index"]), str(each["category"]), tuple(float(edge) for edge in each["box"]))  # pyright: ignore[reportArgumentType]
            for each in entry["instances"]
        )
        split = str(entry.get("split", ""))
        captions = tuple(str(each) for each in entry.get("captions", ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"'{folder / ANNOTATIONS}', picture {number}: must have 'file' and 'instances', each with 'index', "
            f"'category' and 'box' (got {entry!r:.100})"
        ) from error
    if any(len(each.box) != 4 for each in objects):
        raise FileError(f"'{folder / ANNOTATIONS}', picture {number}: a box must be four numbers")
    pictures = [folder / PICTURES / f"{name}{suffix}" for suffix in (".jpg", ".png")]
    picture = next((path for path in pictures if path.is_file()), pictures[0])
    return SegmentedPicture(name, split, picture, folder / MASKS / f"{name}.png", objects, captions)
