"""Crops of pictures with importance labels, drawn anew for each batch: the data of a codec's training."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.errors import require
from linksim.types import Image, Importance, Power

RANDOM_LABEL_SHARES, CELL = (0.7, 0.1, 0.1, 0.1), 4
"""Probabilities of the labels 0 to 3 where labels are random, one for CELLxCELL patches."""


class Crops(NamedTuple):
    """Crops, their labels, and the mean weight of a patch in pictures of their kind."""

    image: Image
    importance: Importance
    mean_weight: Power


def training_pictures(folders: tuple[str, ...], crop: int) -> TrainingPictures:
    """The pictures of these folders, read once however many blocks draw from them, and anew when a folder changes."""
    places = [Path(folder) / inner for folder in folders for inner in ("", "images", "split.json")]
    return _pictures(folders, crop, tuple(place.stat().st_mtime_ns for place in places if place.exists()))


@lru_cache(maxsize=4)
def _pictures(folders: tuple[str, ...], crop: int, _changed: tuple[int, ...]) -> TrainingPictures:
    return TrainingPictures([Path(folder) for folder in folders], crop)


class TrainingCrops(Block):
    """Random square crops of the pictures in `folders`, half of them from labelled street scenes where there are any.

    `mean_weight` is the mean of 2^(`importance_exponent`*I) over the patches of the pictures that a crop is one of, for
    `WeightedDistortion`. `random_labels` is the share of unlabelled pictures that get random labels, so that a codec
    does not tie importance to what street scenes hold.

    Shapes: image [batch, 3, crop, crop]; importance [batch, crop/16, crop/16]; mean_weight [batch].
    Source: linksim.

    Raises:
        ParameterError: `crop` is no multiple of 64 pixels, or a share or exponent is out of range.
        FileError: as `TrainingPictures`.

    >>> import tempfile, torch
    >>> from PIL import Image as PillowImage
    >>> folder = tempfile.mkdtemp()
    >>> for name in "ab": PillowImage.new("RGB", (96, 64), "red").save(f"{folder}/{name}.png")
    >>> TrainingCrops(folders=(folder,), crop=64).seed(1)(batch=2).image.shape
    torch.Size([2, 3, 64, 64])
    """

    def __init__(
        self,
        *,
        folders: tuple[str, ...],
        crop: int = 256,
        importance_exponent: float = 0.0,
        random_labels: float = 0.0,
    ) -> None:
        super().__init__()
        require(crop >= 64 and crop % 64 == 0, "crop", "a multiple of 64 pixels", crop)
        require(0 <= importance_exponent <= 8, "importance_exponent", "in 0..8", importance_exponent)
        require(0 <= random_labels <= 1, "random_labels", "in 0..1", random_labels)
        self.random_labels = random_labels
        self.pictures = training_pictures(tuple(folders), crop)
        weights = torch.exp2(torch.arange(4) * importance_exponent)
        self._labelled_weight = self.pictures.mean_labelled(lambda labels: weights[labels.long()])
        self._random_weight = float((weights * torch.tensor(RANDOM_LABEL_SHARES)).sum())

    def forward(self, batch: int) -> Crops:
        # Pictures are cut on the CPU, wherever the flowgraph computes.
        drawn = torch.randint(1 << 62, (), generator=self.rng, device=self.device)
        generator = torch.Generator().manual_seed(int(drawn))
        image, importance, labelled = self.pictures.batch(batch, generator)
        importance, random = self._with_random_labels(importance, labelled, generator)
        weight = torch.where(labelled, self._labelled_weight, 1.0)
        weight = torch.where(random, self._random_weight, weight)
        return Crops(image.to(self.device), importance.to(self.device), weight.to(self.device))

    def _with_random_labels(
        self, importance: Tensor, labelled: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Random labels for some of the unlabelled pictures, and which those are, bool [batch]."""
        batch, rows, cols = importance.shape
        random = ~labelled & (torch.rand(batch, generator=generator) < self.random_labels)
        cells = -(-rows // CELL), -(-cols // CELL)
        shares = torch.tensor(RANDOM_LABEL_SHARES)
        drawn = torch.multinomial(shares, batch * cells[0] * cells[1], replacement=True, generator=generator)
        labels = drawn.view(batch, *cells).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[:, :rows, :cols]
        return torch.where(random[:, None, None], labels, importance), random
