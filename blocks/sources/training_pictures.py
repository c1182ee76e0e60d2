"""Crops for training, from any folders of pictures."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks.importance.patch_importance import PatchImportance
from linksim.blocks.sources.picture_source import list_pictures, read_picture
from linksim.blocks.sources.street_scenes import StreetScene, street_scenes
from linksim.errors import FileError
from linksim.types import PATCH

KEPT_BYTES = 4 << 30
"""Decoded pictures up to this sum stay in memory; others are decoded anew for each crop."""
HELD_OUT = 20
"""Of plain pictures, one in so many is kept for validation."""
TRIES, EMPTY_SHARE = 8, 0.25
"""A crop of a labelled picture is drawn again up to so often until it holds an object; some may hold none."""


@dataclass(frozen=True)
class Entry:
    """A picture's file, and its labelled scene where it has one."""

    path: Path
    scene: StreetScene | None = None


class TrainingPictures:
    """Random square crops with importance labels, half of them from labelled street scenes where there are any.

    A folder with `split.json` is one of street scenes: its part "train" is trained on, its part "val" validates. Of any
    other folder one picture in 20 is held out for validation.

    Raises `FileError` where a folder holds no pictures of at least `crop` pixels each way, and for the Kodak pictures,
    which are the field's test set.
    """

    def __init__(self, folders: Sequence[Path], crop: int) -> None:
        self.crop = crop
        self.labelled: list[Entry] = []
        self.plain: list[Entry] = []
        self.held_out: list[Entry] = []
        self._decoded: dict[Path, tuple[Tensor, Tensor | None]] = {}
        self._bytes = 0
        for folder in folders:
            self._add(folder)
        if not self.labelled and not self.plain:
            raise FileError("no pictures to train on: name at least one folder")

    def _add(self, folder: Path) -> None:
        if (folder / "split.json").is_file():
            self.labelled += [Entry(scene.picture, scene) for scene in street_scenes(folder, "train")]
            self.held_out += [Entry(scene.picture, scene) for scene in street_scenes(folder, "val")]
            return
        paths = list_pictures(folder)
        if any(re.fullmatch(r"kodim\d\d", path.stem) for path in paths):
            raise FileError(f"'{folder}' holds the Kodak pictures, which are for testing only; never train on them")
        large = [path for path in paths if min(_size(path)) >= self.crop]
        if not large:
            raise FileError(f"no picture in '{folder}' has {self.crop} pixels each way")
        if len(large) < len(paths):
            warnings.warn(f"{len(paths) - len(large)} of {len(paths)} pictures in '{folder}' are smaller than "
                          f"{self.crop} pixels and left out", stacklevel=3)  # fmt: skip
        entries = [Entry(path) for path in large]
        held = entries[HELD_OUT - 1 :: HELD_OUT]
        self.held_out += held
        self.plain += [entry for entry in entries if entry not in held]

    def picture(self, entry: Entry) -> tuple[Tensor, Tensor]:
        """(uint8 [3, height, width], importance int64 [rows, cols]) of one picture."""
        if entry.path in self._decoded:
            pixels, labels = self._decoded[entry.path]
        else:
            pixels = (read_picture(entry.path) * 255).round().byte()
            labels = None
            if entry.scene is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    labels = PatchImportance()(image=pixels[None].float(), boxes=entry.scene.boxes())[0]
            if self._bytes + pixels.numel() <= KEPT_BYTES:
                self._bytes += pixels.numel()
                self._decoded[entry.path] = pixels, labels
        if labels is None:
            rows, cols = (-(-size // PATCH) for size in pixels.shape[1:])
            labels = torch.zeros(rows, cols, dtype=torch.int64)
        return pixels, labels

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random crops: images float [count, 3, crop, crop] in [0, 1], importance int64 [count, crop/16, crop/16]."""
        crops = [self._crop(generator) for _ in range(count)]
        return torch.stack([c[0] for c in crops]).float() / 255, torch.stack([c[1] for c in crops])

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        kinds = [kind for kind in (self.labelled, self.plain) if kind]
        kind = kinds[_draw(len(kinds), generator)]
        pixels, labels = self.picture(kind[_draw(len(kind), generator)])
        image, importance = self._cut(pixels, labels, generator)
        if kind is self.labelled:
            for _ in range(TRIES):
                if int(importance.max()) or _chance(EMPTY_SHARE, generator):
                    break
                image, importance = self._cut(pixels, labels, generator)
        elif _chance(0.5, generator):
            image, importance = image.transpose(1, 2), importance.T
        if _chance(0.5, generator):
            image, importance = image.flip(2), importance.flip(1)
        return image, importance

    def _cut(self, pixels: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        patches = self.crop // PATCH
        row = _draw((pixels.shape[1] - self.crop) // PATCH + 1, generator)
        col = _draw((pixels.shape[2] - self.crop) // PATCH + 1, generator)
        image = pixels[:, row * PATCH : row * PATCH + self.crop, col * PATCH : col * PATCH + self.crop]
        return image, labels[row : row + patches, col : col + patches]

    def calibration_pictures(self, count: int) -> list[Tensor]:
        """The middle of up to `count` training pictures, [1, 3, height, width] in [0, 1], at most 512x512."""
        entries = self.labelled[:: max(2 * len(self.labelled) // count, 1)][: count // 2]
        entries += self.plain[:: max(2 * len(self.plain) // count, 1)][: count // 2]
        return [self._middle(entry, 512, 512)[0] for entry in entries]

    def held_out_crops(self, count: int, height: int, width: int) -> list[tuple[Tensor, Tensor]]:
        """The middle of up to `count` held-out pictures: image [1, 3, h, w] in [0, 1], importance [1, h/16, w/16]."""
        step = max(len(self.held_out) // count, 1)
        return [self._middle(entry, height, width) for entry in self.held_out[::step][:count]]

    def _middle(self, entry: Entry, height: int, width: int) -> tuple[Tensor, Tensor]:
        pixels, labels = self.picture(entry)
        rows, cols = (min(size, most) // PATCH for size, most in zip(pixels.shape[1:], (height, width), strict=True))
        row, col = (pixels.shape[1] // PATCH - rows) // 2, (pixels.shape[2] // PATCH - cols) // 2
        image = pixels[None, :, row * PATCH : (row + rows) * PATCH, col * PATCH : (col + cols) * PATCH]
        return image.float() / 255, labels[None, row : row + rows, col : col + cols]


def _draw(below: int, generator: torch.Generator) -> int:
    return int(torch.randint(below, (), generator=generator))


def _chance(probability: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < probability


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image as PillowImage

    with PillowImage.open(path) as image:
        return image.size
