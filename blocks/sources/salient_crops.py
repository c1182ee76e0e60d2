"""Crops of pictures with maps of what is salient in them: what GenED-SC is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.sources.picture_file import list_pictures, read_picture
from linksim.blocks.sources.segmented_pictures import is_segmented, segmented_pictures
from linksim.errors import FileError, require
from linksim.types import Image, Mask, Text

MAPS = "salient"
"""The folder of maps inside a folder of pictures with masks."""
HELD_OUT = 10
"""One picture in so many is kept for validation."""
THRESHOLD = 0.5


class SalientCropped(NamedTuple):
    """Crops, their salient pixels, and a sentence that describes the whole picture, empty where there is none."""

    image: Image
    mask: Mask
    text: Text


@dataclass(frozen=True)
class SalientPicture:
    """A picture's file and that of its map, grey, bright where it is salient; the map may have another size. And the
    sentences that describe the picture, where there are."""

    picture: Path
    saliency: Path
    captions: tuple[str, ...] = ()

    def image(self) -> Tensor:
        """float [3, height, width] in [0, 1]. Raises `FileError` where there is no such picture."""
        return read_picture(self.picture)

    def mask(self) -> Tensor:
        """The salient pixels, bool [height, width] of the picture. Raises `FileError` where the map cannot be read."""
        try:
            with PillowImage.open(self.saliency) as opened:
                values = torch.from_numpy(np.array(opened.convert("L"))).float() / 255
        except (OSError, ValueError) as error:
            raise FileError(f"'{self.saliency}' is no picture of what is salient: {error}") from error
        size = self.image().shape[1:]
        return functional.interpolate(values[None, None], size=tuple(size), mode="bilinear")[0, 0] > THRESHOLD


def salient_pictures(folders: Sequence[str], maps: str = "", split: str = "train") -> list[SalientPicture]:
    """The pictures of these folders that have a map of what is salient.

    A folder with annotations.json, images and masks has its maps in salient/NAME.png; that `split` of it is taken. The
    maps of other folders are in `maps`, called NAME.png or FOLDER_NAME.png. Pictures without a map are left out.

    Raises `FileError` where there is none.
    """
    if maps and not Path(maps).is_dir():
        raise FileError(f"no folder of maps of what is salient at '{maps}'")
    found: list[SalientPicture] = []
    for folder in map(Path, folders):
        if is_segmented(folder):
            segmented = segmented_pictures(folder, split)
            known = [(each.picture, [folder / MAPS / f"{each.name}.png"], each.captions) for each in segmented]
        else:
            names = [(path, (path.stem, f"{folder.name}_{path.stem}")) for path in list_pictures(folder)]
            known = [(path, [Path(maps) / f"{name}.png" for name in both], ()) for path, both in names] if maps else []
        for picture, places, captions in known:
            found += [SalientPicture(picture, place, captions) for place in places if place.is_file()][:1]
    if not found:
        raise FileError(
            "no picture has a map of what is salient: name a folder with annotations.json, images, masks and salient, "
            "or a folder of maps by --saliency"
        )
    return found


def trained_salient(folders: Sequence[str], maps: str = "") -> list[SalientPicture]:
    """Those that are trained on: all but each tenth. Raises `FileError`."""
    return [each for number, each in enumerate(salient_pictures(folders, maps), 1) if number % HELD_OUT]


def held_out_salient(folders: Sequence[str], maps: str = "") -> list[SalientPicture]:
    """Each tenth, which validates. Raises `FileError`."""
    return salient_pictures(folders, maps)[HELD_OUT - 1 :: HELD_OUT]


class SalientCrops(Block):
    """Random square crops of pictures with maps of what is salient; half of them are mirrored.

    A picture with a shorter side than `crop` is enlarged to it; of several captions one is drawn. See
    `salient_pictures` for `folders` and `maps`.

    Shapes: image [batch, 3, crop, crop]; mask [batch, crop, crop]; text [batch, bytes].
    Source: linksim; GenED-SC (arXiv 2606.04015), section V-A, trains on DUTS with maps that were drawn by hand.

    Raises:
        ParameterError: `crop` is no multiple of 64 pixels.
        FileError: no picture has a map, or one cannot be read.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for kind in ("pictures", "maps"):
    ...     (folder / kind).mkdir()
    ...     for name in "ab": PillowImage.new("RGB", (96, 64), "white").save(folder / kind / f"{name}.png")
    >>> crops = SalientCrops(folders=(str(folder / "pictures"),), maps=str(folder / "maps"), crop=64)
    >>> crops.seed(1)(batch=2).mask.float().mean().item()
    1.0
    """

    def __init__(self, *, folders: tuple[str, ...], maps: str = "", crop: int = 192) -> None:
        super().__init__()
        require(crop >= 64 and crop % 64 == 0, "crop", "a multiple of 64 pixels", crop)
        self.crop, self.pictures = crop, trained_salient(folders, maps)

    def forward(self, batch: int) -> SalientCropped:
        # Pictures are cut on the CPU, wherever the flowgraph computes.
        drawn = torch.randint(1 << 62, (), generator=self.rng, device=self.device)
        generator = torch.Generator().manual_seed(int(drawn))
        crops = [self._crop(generator) for _ in range(batch)]
        image = torch.stack([pixels for pixels, _, _ in crops]).float() / 255
        mask, text = torch.stack([mask for _, mask, _ in crops]), Text.of([sentence for *_, sentence in crops])
        return SalientCropped(image.to(self.device), mask.to(self.device), text.to(self.device))

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor, str]:
        picture = self.pictures[_draw(len(self.pictures), generator)]
        sentence = picture.captions[_draw(len(picture.captions), generator)] if picture.captions else ""
        pixels, mask = _decoded(picture, self.crop)
        top, left = (_draw(size - self.crop + 1, generator) for size in mask.shape)
        chosen = slice(top, top + self.crop), slice(left, left + self.crop)
        image, mask = pixels[:, *chosen], mask[chosen]
        return (image.flip(2), mask.flip(1), sentence) if _draw(2, generator) else (image, mask, sentence)


@lru_cache(maxsize=2000)
def _decoded(picture: SalientPicture, least: int) -> tuple[Tensor, Tensor]:
    """uint8 [3, height, width] and bool [height, width], no side under `least`."""
    image, mask = picture.image(), picture.mask()
    scale = least / min(mask.shape)
    if scale > 1:
        size = [max(least, round(side * scale)) for side in mask.shape]
        image = functional.interpolate(image[None], size, mode="bicubic", antialias=True)[0].clamp(0, 1)
        mask = functional.interpolate(mask[None, None].float(), size, mode="bilinear")[0, 0] > THRESHOLD
    return (image * 255).round().byte(), mask


def _draw(below: int, generator: torch.Generator) -> int:
    return int(torch.randint(below, (), generator=generator))
