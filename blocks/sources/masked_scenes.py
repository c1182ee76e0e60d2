"""Pictures whose objects have outlines: Cityscapes, and COCO in its own form and in YOLO's."""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.semantics.categories import COCO, NUMBER
from linksim.blocks.sources.picture_file import list_pictures, picture_size
from linksim.errors import FileError
from linksim.files import decoded, read_json
from linksim.types import Detections

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in pixels."""

CITYSCAPES: Mapping[str, str] = {
    "person": "person", "rider": "person", "car": "car", "truck": "truck", "bus": "bus", "train": "train",
    "motorcycle": "motorcycle", "bicycle": "bicycle", "traffic light": "traffic light",
}  # fmt: skip
"""Cityscapes' labels that are objects, and their classes in COCO. Its groups of objects, as "cargroup", are none."""
COCO_NUMBERS = tuple(n for n in range(1, 91) if n not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
"""COCO's files number its 80 classes with gaps: the number of each, in the order of `COCO`."""


@dataclass(frozen=True)
class OutlinedObject:
    """One object: COCO's class, its outline as polygons, and its place among the scene's layers where it has any."""

    category: int
    outline: tuple[Polygon, ...]
    layer: int | None = None


@dataclass(frozen=True)
class MaskedScene:
    """A picture, its size (height, width) in pixels, and its objects.

    `layers` are the outlines of all that the picture shows, from the back to the front, where that is known.
    """

    name: str
    picture: Path
    size: tuple[int, int]
    objects: tuple[OutlinedObject, ...]
    layers: tuple[Polygon, ...] = ()

    def detections(self) -> Detections:
        """The boxes about the outlines, as a detector would give them, [1, objects], confidence 1."""
        corners = [_box(o.outline, self.size) for o in self.objects]
        category = torch.tensor([[o.category for o in self.objects]], dtype=torch.int64)
        return Detections(torch.tensor(corners).reshape(1, -1, 4), category, torch.ones(category.shape))

    def masks(self) -> Tensor:
        """Which pixels show each object, bool [objects, height, width]; without layers outlines may overlap."""
        if not self.objects:
            return torch.zeros(0, *self.size, dtype=torch.bool)
        if self.layers:
            front = _filled(((polygon, n) for n, polygon in enumerate(self.layers, 1)), self.size)
            return torch.stack([front == 1 + o.layer for o in self.objects if o.layer is not None])
        return torch.stack([_filled(((polygon, 1) for polygon in o.outline), self.size) == 1 for o in self.objects])


def cityscapes_scenes(folder: Path, part: str = "val") -> Iterator[MaskedScene]:
    """The scenes of one part of Cityscapes as it is published, in the order of their names.

    The folder holds `leftImg8bit/PART/CITY/*_leftImg8bit.png` and `gtFine/PART/CITY/*_gtFine_polygons.json`. Objects
    are those that COCO has a class for; what is drawn later in the file stands before what is drawn earlier. A picture
    without a file of outlines is left out with a warning.

    Raises `FileError` where there is no such folder, or a file is not of that form.
    """
    pictures = folder / "leftImg8bit" / part
    if not pictures.is_dir():
        raise FileError(f"no Cityscapes in '{folder}': '{pictures.relative_to(folder)}' is missing")
    return _cityscapes_scenes(pictures, folder / "gtFine" / part)


def _cityscapes_scenes(pictures: Path, truth: Path) -> Iterator[MaskedScene]:
    for path in sorted(pictures.glob("*/*_leftImg8bit.*")):
        name = path.stem.removesuffix("_leftImg8bit")
        outlines = truth / path.parent.name / f"{name}_gtFine_polygons.json"
        if outlines.is_file():
            yield _cityscapes_scene(name, path, outlines)
        else:
            _warn(f"scene '{name}' has no '{outlines.name}'; it is left out")


def _cityscapes_scene(name: str, picture: Path, outlines: Path) -> MaskedScene:
    content = read_json(outlines)
    entries = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise FileError(f"'{outlines}' must hold 'objects', a list of outlines")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
            raise FileError(f"'{outlines}', object {number}: must be a label with a polygon (got {entry!r})")
    kept = [(n, entry) for n, entry in enumerate(entries) if not entry.get("deleted")]
    polygons = [_corners(entry.get("polygon"), f"'{outlines}', object {n}") for n, entry in kept]
    size = picture_size(picture)
    found = [
        OutlinedObject(NUMBER[CITYSCAPES[entry["label"]]], (polygon,), layer)
        for layer, ((_, entry), polygon) in enumerate(zip(kept, polygons, strict=True))
        if entry["label"] in CITYSCAPES and _inside((polygon,), size)
    ]
    return MaskedScene(name, picture, size, tuple(found), tuple(polygons))


def coco_scenes(folder: Path, part: str = "train2017") -> Iterator[MaskedScene]:
    """The pictures of one part of COCO with their outlines, in the order of their names.

    Either COCO's own form, `annotations/instances_PART.json`, or YOLO's, a text file per picture in `labels/PART` or
    `instance_segmentation/labels/PART`, with a class and shares of the width and height by turns in a line; where a
    class is over 79 all are COCO's own numbers, 1 to 90. Pictures are in `images/PART` or `PART`. Crowds, whose objects
    have no outline of their own, are left out; so are lines that are not of that form, and pictures without outlines
    have no objects: both are said in a warning.

    Raises `FileError` where there is no such folder, or a file is not of that form.
    """
    pictures = next((p for p in (folder / "images" / part, folder / part) if p.is_dir()), None)
    if pictures is None:
        raise FileError(f"no COCO in '{folder}': neither 'images/{part}' nor '{part}' is there")
    instances = folder / "annotations" / f"instances_{part}.json"
    if instances.is_file():
        return _coco_scenes(pictures, instances)
    for labels in (folder / "labels" / part, folder / "instance_segmentation" / "labels" / part):
        if labels.is_dir():
            return _yolo_scenes(pictures, labels)
    raise FileError(f"no outlines in '{folder}': neither 'annotations/{instances.name}' nor 'labels/{part}' is there")


def _coco_scenes(pictures: Path, instances: Path) -> Iterator[MaskedScene]:
    content = read_json(instances)
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise FileError(f"'{instances}' must hold the lists 'images' and 'annotations'")
    objects: dict[int, list[OutlinedObject]] = {}
    for number, entry in enumerate(content["annotations"]):
        found = _coco_object(entry, f"'{instances}', annotation {number}")
        if found is not None:
            objects.setdefault(entry["image_id"], []).append(found)
    for number, entry in enumerate(content["images"]):
        if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
            raise FileError(f"'{instances}', image {number}: must have an 'id' and a 'file_name' (got {entry!r})")
    for entry in sorted(content["images"], key=lambda e: e["file_name"]):
        path = pictures / entry["file_name"]
        if path.is_file():
            size = picture_size(path)
            inside = tuple(o for o in objects.get(entry.get("id"), ()) if _inside(o.outline, size))
            yield MaskedScene(path.stem, path, size, inside)
        else:
            _warn(f"picture '{path.name}' is not in '{pictures}'; it is left out")


def _coco_object(entry: Any, where: str) -> OutlinedObject | None:
    if not isinstance(entry, dict) or entry.get("category_id") not in COCO_NUMBERS:
        raise FileError(f"{where}: 'category_id' must be one of COCO's classes")
    if not isinstance(entry.get("image_id"), int):
        raise FileError(f"{where}: 'image_id' must be a number (got {entry.get('image_id')!r})")
    if entry.get("iscrowd") or not isinstance(entry.get("segmentation"), list):
        return None
    parts = [part for part in entry["segmentation"] if isinstance(part, list) and len(part) >= 6]
    if any(len(part) % 2 for part in parts):
        raise FileError(f"{where}: an outline must be a list of corners x, y")
    outline = tuple(_corners(list(zip(part[::2], part[1::2], strict=True)), where) for part in parts)
    return OutlinedObject(COCO_NUMBERS.index(entry["category_id"]), outline) if outline else None


def _yolo_scenes(pictures: Path, labels: Path) -> Iterator[MaskedScene]:
    files = {file.stem: _yolo_lines(file) for file in sorted(labels.glob("*.txt"))}
    numbers = {line[0] for lines in files.values() for line in lines if line is not None and line[0] in COCO_NUMBERS}
    # YOLO counts the classes from 0 to 79; files made from COCO's own have its numbers from 1 to 90.
    classes = COCO_NUMBERS if max(numbers, default=0) >= len(COCO) else tuple(range(len(COCO)))
    bare: list[str] = []
    broken: list[str] = []
    for path in list_pictures(pictures):
        size = picture_size(path)
        lines = files.get(path.stem)
        if lines is None:
            bare.append(path.stem)
        read = [_yolo_object(line, size, classes) for line in lines or ()]
        broken += [path.stem] * read.count(None)
        yield MaskedScene(path.stem, path, size, tuple(o for o in read if o is not None))
    if bare:
        _warn(f"{len(bare)} pictures have no file of outlines, as '{bare[0]}'; they have no objects")
    if broken:
        _warn(f"{len(broken)} lines in '{labels}' are no outlines, as in '{broken[0]}.txt'; they are left out")


def _text_of(file: Path) -> str:
    """What is no text is no line of numbers either, and is counted as such."""
    data = file.read_bytes()
    try:
        return decoded(data)
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _yolo_lines(file: Path) -> list[tuple[float, list[float]] | None]:
    """Class and shares of each line that is not empty; None for one that is not of numbers."""
    found: list[tuple[float, list[float]] | None] = []
    for line in _text_of(file).splitlines():
        try:
            numbers = [float(word) for word in line.split()]
        except ValueError:
            numbers = [math.nan]
        if numbers:
            found.append((numbers[0], numbers[1:]) if math.isfinite(numbers[0]) else None)
    return found


def _yolo_object(
    line: tuple[float, list[float]] | None, size: tuple[int, int], classes: tuple[int, ...]
) -> OutlinedObject | None:
    if line is None:
        return None
    category, shares = line
    inside = all(math.isfinite(share) and -0.01 <= share <= 1.01 for share in shares)
    if category not in classes or len(shares) < 6 or len(shares) % 2 or not inside:
        return None
    height, width = size
    corners = tuple((x * width, y * height) for x, y in zip(shares[::2], shares[1::2], strict=True))
    return OutlinedObject(classes.index(int(category)), (corners,)) if _inside((corners,), size) else None


def _corners(points: Any, where: str) -> Polygon:
    try:
        corners = tuple((float(x), float(y)) for x, y in points)
    except (TypeError, ValueError):
        raise FileError(f"{where}: an outline must be a list of corners x, y") from None
    if not all(math.isfinite(c) and abs(c) < 1e6 for corner in corners for c in corner):
        raise FileError(f"{where}: an outline's corners must be numbers")
    return corners


def _box(outline: Iterable[Polygon], size: tuple[int, int]) -> list[float]:
    points = [corner for polygon in outline for corner in polygon]
    across, down = [x for x, _ in points], [y for _, y in points]
    height, width = size
    return [
        float(min(max(edge(values), 0.0), most))
        for edge, values, most in ((min, across, width), (min, down, height), (max, across, width), (max, down, height))
    ]


def _inside(outline: Iterable[Polygon], size: tuple[int, int]) -> bool:
    """Whether any of it lies in the picture."""
    left, top, right, bottom = _box(outline, size)
    return left < right and top < bottom


def _filled(polygons: Iterable[tuple[Polygon, int]], size: tuple[int, int]) -> Tensor:
    """The value of the last polygon over each pixel, int [height, width], 0 where there is none."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    canvas = PillowImage.new("I", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    for polygon, value in polygons:
        if len(polygon) > 2:
            draw.polygon(list(polygon), fill=value)
    return torch.frombuffer(bytearray(canvas.tobytes()), dtype=torch.int32).view(size)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
