"""Crops of pictures with masks of regions of interest: what UIDSC's codec is trained on."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.sources.segmented_pictures import SegmentedPicture, is_segmented, segmented_pictures
from linksim.blocks.sources.training_crops import training_pictures
from linksim.errors import FileError, require
from linksim.types import Image, Mask

HELD_OUT = 10
"""Of the pictures with masks, one in so many is kept for validation."""
SMALLEST_SHARE, MOVE_SHARE, TRIES = 0.02, 0.5, 8
"""A region covers this share of a crop at least; the share of crops of other pictures; how often is drawn anew."""


class MaskedCropped(NamedTuple):
    """Crops, and the region of interest in each."""

    image: Image
    mask: Mask


class MaskedCrops(Block):
    """Random square crops of pictures with masks, each with one object, or all objects of one class, as its region.

    Half of the crops are of the other pictures in `folders`, where there are any, under a region from a picture with
    masks: few pictures have masks, and a codec must not learn these by heart.

    Shapes: image [batch, 3, crop, crop]; mask [batch, crop, crop].
    Source: UIDSC (arXiv 2508.05884), section IV-A; the mixture is linksim's.

    Raises:
        ParameterError: `crop` is no multiple of 64 pixels.
        FileError: no folder has annotations.json and masks, or as `TrainingCrops`.

    >>> import json, tempfile, pathlib
    >>> from PIL import Image as PillowImage
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name, colour in (("images", "red"), ("masks", 1)):
    ...     (folder / name).mkdir()
    ...     PillowImage.new("RGB" if colour == "red" else "L", (96, 64), colour).save(folder / name / "a.png")
    >>> objects = [{"index": 1, "category": "car", "box": [0, 0, 96, 64]}]
    >>> entry = {"file": "a", "split": "train", "instances": objects}
    >>> _ = (folder / "annotations.json").write_text(json.dumps([entry]))
    >>> MaskedCrops(folders=(str(folder),), crop=64).seed(1)(batch=2).mask.float().mean().item()
    1.0
    """

    def __init__(self, *, folders: tuple[str, ...], crop: int = 128) -> None:
        super().__init__()
        require(crop >= 64 and crop % 64 == 0, "crop", "a multiple of 64 pixels", crop)
        self.crop = crop
        self.segmented = _large(trained_pictures(folders), crop)
        plain = plain_folders(folders)
        self.plain = training_pictures(plain, crop) if plain else None

    def forward(self, batch: int) -> MaskedCropped:
        # Pictures are cut on the CPU, wherever the flowgraph computes.
        drawn = torch.randint(1 << 62, (), generator=self.rng, device=self.device)
        generator = torch.Generator().manual_seed(int(drawn))
        crops = [self._crop(generator) for _ in range(batch)]
        image = torch.stack([crop[0] for crop in crops])
        if self.plain is not None:
            moved = torch.rand(batch, generator=generator) < MOVE_SHARE
            others = self.plain.batch(batch, generator)[0]
            image = torch.where(moved[:, None, None, None], others, image)
        return MaskedCropped(image.to(self.device), torch.stack([crop[1] for crop in crops]).to(self.device))

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        image, mask = self._drawn(generator)
        for _ in range(TRIES - 1):
            if float(mask.float().mean()) >= SMALLEST_SHARE:
                break
            image, mask = self._drawn(generator)
        if _draw(2, generator):
            image, mask = image.flip(2), mask.flip(1)
        return image.float() / 255, mask

    def _drawn(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pixels, numbers, groups = _decoded(self.segmented[_draw(len(self.segmented), generator)])
        return self._cut(pixels, _region(numbers, groups, generator), generator)

    def _cut(self, pixels: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A crop about a random pixel of the region."""
        places = mask.nonzero()
        middle = places[_draw(len(places), generator)] if len(places) else torch.tensor(mask.shape) // 2
        shift = torch.randint(-self.crop // 4, self.crop // 4 + 1, (2,), generator=generator)
        corner = middle + shift - self.crop // 2
        top, left = (min(max(int(at), 0), size - self.crop) for at, size in zip(corner, mask.shape, strict=True))
        chosen = slice(top, top + self.crop), slice(left, left + self.crop)
        return pixels[:, *chosen], mask[chosen]


def trained_pictures(folders: tuple[str, ...]) -> list[SegmentedPicture]:
    """The pictures with masks that are trained on: the split "train" without each tenth. Raises `FileError`."""
    return [each for number, each in enumerate(_annotated(folders), 1) if number % HELD_OUT]


def held_out_pictures(folders: tuple[str, ...]) -> list[SegmentedPicture]:
    """Each tenth, which validates."""
    return _annotated(folders)[HELD_OUT - 1 :: HELD_OUT]


def plain_folders(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Those without masks."""
    return tuple(folder for folder in folders if not is_segmented(Path(folder)))


def largest_region(picture: SegmentedPicture) -> Tensor:
    """The mask of the object with the most pixels, bool [height, width]."""
    numbers = picture.numbers()
    return numbers == numbers[numbers > 0].mode().values


def _annotated(folders: tuple[str, ...]) -> list[SegmentedPicture]:
    kept = [Path(folder) for folder in folders if is_segmented(Path(folder))]
    found = [picture for folder in kept for picture in segmented_pictures(folder, "train") if picture.objects]
    if not found:
        raise FileError("no pictures with masks: name a folder with annotations.json, images and masks")
    return found


def _large(pictures: list[SegmentedPicture], crop: int) -> list[SegmentedPicture]:
    large = [each for each in pictures if min(_decoded(each)[1].shape) >= crop and _decoded(each)[2]]
    if not large:
        raise FileError(f"no picture with masks has {crop} pixels each way; give a smaller --crop")
    return large


@lru_cache(maxsize=1000)
def _decoded(picture: SegmentedPicture) -> tuple[Tensor, Tensor, list[list[int]]]:
    """uint8 [3, height, width], the objects' numbers [height, width], and which numbers make a region."""
    numbers = picture.numbers()
    seen = set(numbers.unique().tolist())
    classes: dict[str, list[int]] = {}
    for each in picture.objects:
        if each.index in seen:
            classes.setdefault(each.category, []).append(each.index)
    alone = [[index] for group in classes.values() for index in group if len(group) > 1]
    return (picture.image() * 255).round().byte(), numbers, [*classes.values(), *alone]


def _region(numbers: Tensor, groups: list[list[int]], generator: torch.Generator) -> Tensor:
    chosen = groups[_draw(len(groups), generator)]
    return torch.isin(numbers, torch.tensor(chosen, dtype=numbers.dtype))


def _draw(below: int, generator: torch.Generator) -> int:
    return int(torch.randint(below, (), generator=generator))
