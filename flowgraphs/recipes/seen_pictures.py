"""What is seen in pictures that do not change, seen once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from linksim import Block
from linksim.blocks import PictureFeatureExtractor
from linksim.blocks.knowledge.captioned_pictures import CaptionedPicture, read_captioned_pictures, split_pictures
from linksim.types import PictureFeatures, Text

CHUNK = 50


class Seen(NamedTuple):
    """Features of pictures and the captions of these."""

    features: PictureFeatures
    text: Text


class SeenPictures(Block):
    """Features of captioned pictures as a source; a file is drawn, then a picture of it, with replacement.

    The network that sees them does not learn, so each picture is seen once, when the block is made: 64 kB a picture.

    Args:
        files, hold_out: see `CaptionedPictureSource`.

    Shapes: out.features [batch, 25, 1280]; out.text [batch, bytes].
    Source: linksim.
    """

    def __init__(self, *, files: tuple[str, ...], hold_out: int) -> None:
        super().__init__()
        self.groups = [split_pictures(read_captioned_pictures(path), hold_out)[0] for path in files]
        self.seen = [seen(group) for group in self.groups]

    def forward(self, batch: int) -> Seen:
        drawn = [(group, self._below(len(self.groups[group]))) for group in self._groups(batch)]
        features = torch.stack([self.seen[group][at].float() for group, at in drawn])
        text = Text.of([self.groups[group][at].caption for group, at in drawn])
        return Seen(features.to(self.device), text.to(self.device))

    def _groups(self, batch: int) -> list[int]:
        return [self._below(len(self.groups)) for _ in range(batch)]

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.rng, device=self.device))


def seen(pictures: Sequence[CaptionedPicture]) -> Tensor:
    """Features in half precision, [pictures, 25, 1280], the same in training and in validation."""
    extractor, found = PictureFeatureExtractor(), list[Tensor]()
    with torch.autocast(extractor.device.type, enabled=False):
        for at in range(0, len(pictures), CHUNK):
            some = pictures[at : at + CHUNK]
            edge = max(max(picture.pixels.shape[1:]) for picture in some)
            found.append(extractor(image=torch.stack([picture.image(edge) for picture in some])).half())
        return torch.cat(found)
