"""Pictures with captions as a source."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.knowledge.captioned_pictures import (
    CaptionedPicture,
    read_captioned_pictures,
    split_pictures,
)
from linksim.errors import require
from linksim.types import Image, Text


class Captioned(NamedTuple):
    """Pictures and what they are described by."""

    image: Image
    text: Text


class CaptionedPictureSource(Block):
    """Pictures with their captions from files; a file is drawn, then a picture of it, with replacement.

    Args:
        files: see `linksim.blocks.knowledge.captioned_pictures.read_captioned_pictures`.
        size: edge of the pictures in pixels.
        hold_out: leave out each so manieth picture of every file; 0 leaves out none.
        flip: mirror half of the pictures, left and right.

    Shapes: out.image [batch, 3, size, size]; out.text [batch, bytes].
    Source: linksim.

    Raises:
        FileError: a file cannot be read or has no captioned pictures.
        ParameterError: `size` or `hold_out` is out of range, or there is no file.

    >>> import json, tempfile
    >>> from PIL import Image as PillowImage
    >>> folder = tempfile.mkdtemp()
    >>> PillowImage.new("RGB", (8, 8), "red").save(f"{folder}/a.png")
    >>> line = json.dumps({"file_name": "a.png", "text": "a red square"})
    >>> _ = open(f"{folder}/metadata.jsonl", "w").write(line)
    >>> CaptionedPictureSource(files=(folder,))(batch=2).text.sentences
    ['a red square', 'a red square']
    """

    def __init__(self, *, files: tuple[str, ...], size: int = 32, hold_out: int = 0, flip: bool = False) -> None:
        super().__init__()
        require(0 < size <= 2048, "size", "in 1..2048 pixels", size)
        require(hold_out == 0 or hold_out > 1, "hold_out", "0, or at least 2", hold_out)
        require(len(files) > 0, "files", "one at least", files)
        self.size, self.flip = size, flip
        read = [read_captioned_pictures(path) for path in files]
        self.groups = [split_pictures(group, hold_out)[0] if hold_out else group for group in read]

    def forward(self, batch: int) -> Captioned:
        drawn = [self._drawn() for _ in range(batch)]
        image = torch.stack([picture.image(self.size) for picture in drawn])
        if self.flip:
            mirrored = torch.rand(batch, generator=self.rng, device=self.device).cpu() < 0.5
            image = torch.where(mirrored[:, None, None, None], image.flip(-1), image)
        text = Text.of([picture.caption for picture in drawn])
        return Captioned(image.to(self.device), text.to(self.device))

    def _drawn(self) -> CaptionedPicture:
        group = self.groups[self._below(len(self.groups))]
        return group[self._below(len(group))]

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.rng, device=self.device))
