"""Crops for training, from any folders of pictures."""

import hashlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.importance.patch_importance import PatchImportance
from linksim.blocks.sources.picture_file import list_pictures, picture_size, read_picture
from linksim.blocks.sources.street_scenes import StreetScene, street_scenes
from linksim.errors import FileError
from linksim.files import file_digest
from linksim.types import PATCH, patches_of

KEPT_BYTES = 4 << 30
"""Decoded pictures up to this sum stay in memory; others are decoded anew for each crop."""
HELD_OUT = 20
"""Of plain pictures, one in so many is kept for validation."""
VALIDATED = (4, 2)
"""So many labelled and plain pictures are used for it."""
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
            scenes = [[Entry(s.picture, s) for s in street_scenes(folder, part)] for part in ("train", "val")]
            self.labelled += self._large(scenes[0], folder)
            self.held_out += scenes[1]
            return
        paths = list_pictures(folder)
        if any(re.fullmatch(r"kodim\d\d", path.stem) for path in paths):
            raise FileError(f"'{folder}' holds the Kodak pictures, which are for testing only; never train on them")
        entries = self._large([Entry(path) for path in paths], folder)
        for number, entry in enumerate(entries, 1):
            (self.plain if number % HELD_OUT else self.held_out).append(entry)

    def described(self) -> dict[str, Any]:
        """What identifies the pictures: how many there are, and a digest of their names, files and labels in order."""
        digest = hashlib.sha256()
        for kind in (self.labelled, self.plain, self.held_out):
            for entry in kind:
                digest.update(f"{entry.path.name} {file_digest(entry.path)}".encode("utf-8", "surrogateescape"))
                for file in (entry.scene.detections, entry.scene.labels) if entry.scene else ():
                    digest.update(file_digest(file).encode())
            digest.update(b"/")
        counts = {"labelled": len(self.labelled), "plain": len(self.plain), "held_out": len(self.held_out)}
        return {**counts, "sha256": digest.hexdigest()[:16]}

    def _large(self, entries: list[Entry], folder: Path) -> list[Entry]:
        readable = [entry for entry in entries if _is_readable(entry.path)]
        large = [entry for entry in readable if min(picture_size(entry.path)) >= self.crop]
        if not large:
            raise FileError(f"no picture in '{folder}' has {self.crop} pixels each way; give a smaller --crop")
        if len(large) < len(readable):
            warnings.warn(f"{len(readable) - len(large)} of {len(entries)} pictures in '{folder}' are smaller than "
                          f"{self.crop} pixels and left out", stacklevel=4)  # fmt: skip
        return large

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
            rows, cols = map(patches_of, pixels.shape[1:])
            labels = torch.zeros(rows, cols, dtype=torch.int64)
        return pixels, labels

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random crops: images float [count, 3, crop, crop] in [0, 1], importance int64 [count, crop/16, crop/16], and
        which come from labelled pictures, bool [count]."""
        crops = [self._crop(generator) for _ in range(count)]
        labelled = torch.tensor([crop[2] for crop in crops])
        return (
            torch.stack([crop[0] for crop in crops]).float() / 255,
            torch.stack([crop[1] for crop in crops]),
            labelled,
        )

    def mean_labelled(self, weigh: Callable[[Tensor], Tensor]) -> float:
        """The mean over all patches of the labelled training pictures of what `weigh` makes of their labels, or 1."""
        means = [float(weigh(self.picture(entry)[1].float()).mean()) for entry in self.labelled]
        return sum(means) / len(means) if means else 1.0

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor, bool]:
        kinds = [kind for kind in (self.labelled, self.plain) if kind]
        kind = kinds[_draw(len(kinds), generator)]
        pixels, labels = self._readable(kind, generator)
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
        return image, importance, kind is self.labelled

    def _readable(self, kind: list[Entry], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A random picture; a file that cannot be read is passed over with a warning, not an end to hours of work."""
        for attempt in range(TRIES):
            try:
                return self.picture(kind[_draw(len(kind), generator)])
            except FileError as error:
                if attempt == TRIES - 1:
                    raise
                warnings.warn(f"{error}; another picture is taken instead", stacklevel=2)
        raise AssertionError

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

    def held_out_crops(self, height: int, width: int) -> list[tuple[Tensor, Tensor]]:
        """The middle of up to 4 labelled and 2 plain held-out pictures: image [1, 3, h, w] in [0, 1], importance
        [1, h/16, w/16]."""
        kinds = ([e for e in self.held_out if e.scene is not None], [e for e in self.held_out if e.scene is None])
        chosen = [
            e for kind, most in zip(kinds, VALIDATED, strict=True) for e in kind[:: max(len(kind) // most, 1)][:most]
        ]
        return [self._middle(entry, height, width) for entry in chosen]

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


def _is_readable(path: Path) -> bool:
    """Whether the file begins as a picture; one that does not is named and left out, as one that breaks off later."""
    try:
        picture_size(path)
    except FileError as error:
        warnings.warn(f"{error}; it is left out", stacklevel=5)
        return False
    return True
