"""What a person would call the colours of a picture, learned from pictures whose colours have names."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from linksim import Block
from linksim.benches.vlm_csc.judge import Made
from linksim.benches.vlm_csc.points import TEST, TRAIN
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures, split_pictures
from linksim.files import read_json
from linksim.flowgraphs.recipes.vlm_csc import HOLD_OUT
from linksim.types import Image, Score, Uses

PLACES = ("background", "subject")
"""Parts of a picture that have a colour name; the data call them so."""
BORDER, MIDDLE = 8, 4
"""The border is an eighth of the edge wide; the middle leaves a quarter on each side."""
NEIGHBOURS = 9


class Coloured(NamedTuple):
    """Whether the colours are those of the caption, in the picture that was made and in that of the test."""

    background: Score
    subject: Score
    background_at_sender: Score
    subject_at_sender: Score


class ColourJudge(Block):
    """The names of a picture's colours: the commonest among the nine nearest of each third training picture.

    What is compared is the median of each colour channel, of the border for the background and of the middle for the
    subject. The data's own rule is not known. Names that few training pictures have are seldom found, and a flat
    colour is easier to name than a photograph; so the share of the test pictures themselves is no upper limit.

    Args:
        folder: of one set, with train.json and test.json.

    Shapes: image and original [batch, 3, height, width]; background and subject [batch], numbers of `colour_names`.
    """

    def __init__(self, *, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def forward(self, image: Made, original: Image, background: Uses, subject: Uses) -> Coloured:
        asked = dict(zip(PLACES, (background, subject), strict=True))
        found = [
            Score((_nearest(self.folder, place, picture.cpu()) == asked[place].cpu()).float().to(image.device))
            for picture in (image, original)
            for place in PLACES
        ]
        return Coloured(*found)


def colour_names(folder: str, place: str) -> Sequence[str]:
    """The names of colours in a set, in alphabetical order; one empty name where the data have none."""
    return sorted({name for split in (TRAIN, TEST) for name in named(folder, split, place)})


def named(folder: str, split: str, place: str) -> Sequence[str]:
    """The name of a colour for each picture of a file, "" where it has none."""
    items = read_json(Path(folder) / split)["items"]
    attributes: Sequence[Mapping[str, str | None]] = [each.get("attributes", {}) for each in items]
    return [each.get(place) or "" for each in attributes]


def _nearest(folder: str, place: str, image: Tensor) -> Tensor:
    points, names = _examples(folder, place)
    nearest = torch.cdist(_colour(image, place), points).topk(min(NEIGHBOURS, len(points)), largest=False).indices
    return names[nearest].mode(1).values


@cache
def _examples(folder: str, place: str) -> tuple[Tensor, Tensor]:
    """Colours [pictures, 3] and numbers of their names, of each third training picture."""
    pictures = split_pictures(read_captioned_pictures(str(Path(folder) / TRAIN)), HOLD_OUT)[1]
    known, names = colour_names(folder, place), named(folder, TRAIN, place)[HOLD_OUT - 1 :: HOLD_OUT]
    colours = torch.cat([_colour(picture.pixels[None] / 255, place) for picture in pictures])
    return colours, torch.tensor([known.index(name) for name in names])


def _colour(image: Tensor, place: str) -> Tensor:
    """The median of each channel over the border or the middle of pictures, [batch, 3]."""
    height, width = image.shape[-2:]
    if place == "subject":
        top, left = height // MIDDLE, width // MIDDLE
        return image[..., top : height - top, left : width - left].flatten(2).median(2).values
    rows, columns = max(height // BORDER, 1), max(width // BORDER, 1)
    border = torch.ones(height, width, dtype=torch.bool)
    border[rows : height - rows, columns : width - columns] = False
    return image[..., border].median(2).values
