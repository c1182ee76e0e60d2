"""Pictures as a source."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.sources.picture_file import list_pictures, read_picture
from linksim.errors import DimensionError, FileError, require
from linksim.types import Image


class PictureSource(Block):
    """Pictures from a file or a folder, in the order of their names, again from the start when they run out.

    A run begins with the first picture, like everything that is seeded; calls go on where the last one stopped.

    Shapes: out [batch, 3, height, width]; the pictures of one batch must have one size.
    `broken` says what a file that cannot be read does: "refuse" raises, "skip" warns and goes on.

    Raises:
        FileError: nothing there, or a broken picture with broken="refuse".
        DimensionError: pictures of several sizes in one batch.

    >>> from skimage import data
    >>> PictureSource(path=data.data_dir + "/astronaut.png")(batch=1).shape
    torch.Size([1, 3, 512, 512])
    """

    def __init__(self, *, path: str, broken: Literal["refuse", "skip"] = "refuse") -> None:
        super().__init__()
        require(broken in ("refuse", "skip"), "broken", "'refuse' or 'skip'", broken)
        self.path, self.broken = Path(path), broken

    def forward(self, batch: int) -> Image:
        paths = list_pictures(self.path)
        pictures: list[Tensor] = []
        failures = 0
        while len(pictures) < batch:
            path = paths[self.advance() % len(paths)]
            try:
                pictures.append(read_picture(path))
            except FileError as error:
                failures += 1
                if self.broken == "refuse" or failures >= len(paths):
                    raise
                warnings.warn(f"skipped: {error}", stacklevel=2)
        return _stack(pictures).to(self.device)


def _stack(pictures: Sequence[Tensor]) -> Tensor:
    sizes = {tuple(picture.shape[1:]) for picture in pictures}
    if len(sizes) > 1:
        words = ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
        raise DimensionError(f"the pictures of one batch must have one size (got {words}); use batch=1")
    return torch.stack(list(pictures))
