"""Whether a generator draws what a caption asks for: the class and the colours, without a channel."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from linksim import Block, Flowgraph
from linksim.benches.vlm_csc.judge import Judge, Made
from linksim.benches.vlm_csc.points import TEST, TRAIN, LabelledPictures, StoredPictures
from linksim.blocks import PictureGenerator
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures, split_pictures
from linksim.files import read_json
from linksim.flowgraphs.recipes.vlm_csc import HOLD_OUT
from linksim.types import Image, Score, Text, Uses

DRAWN, LOOKED_UP = "flow", "retrieval"
GENERATORS = (DRAWN, LOOKED_UP)
PLACES = ("background", "subject")
"""Parts of a picture that have a colour name; the data call them so."""
BORDER, MIDDLE, NEIGHBOURS = 8, 4, 9
"""The border is an eighth of the edge wide; the middle leaves a quarter on each side."""


class Wish(NamedTuple):
    """The captions of test pictures, and the numbers of the colours that they were made from."""

    text: Text
    background: Uses
    subject: Uses


class Wishes(Block):
    """Caption and colours of test pictures.

    Args:
        folder: of one set, with train.json and test.json.

    Shapes: number [batch], places in test.json; background and subject [batch], numbers of `colour_names`.
    """

    def __init__(self, *, folder: str) -> None:
        super().__init__()
        self.pictures = read_captioned_pictures(str(Path(folder) / TEST))
        self.colours = {place: _named(str(Path(folder) / TEST), place) for place in PLACES}
        self.known = {place: colour_names(folder, place) for place in PLACES}

    def forward(self, number: Uses) -> Wish:
        asked = number.tolist()
        colours = [
            torch.tensor([self.known[place].index(self.colours[place][each]) for each in asked]) for place in PLACES
        ]
        return Wish(Text.of([self.pictures[each].caption for each in asked]), *colours)


class Coloured(NamedTuple):
    """Whether the colours are those of the caption, in the picture that was made and in that of the test."""

    background: Score
    subject: Score
    background_at_sender: Score
    subject_at_sender: Score


class ColourJudge(Block):
    """The names of a picture's colours, by the majority of the nine nearest of each third training picture.

    What is compared is the median of each colour channel: of the border for the background, of the middle for the
    subject. The data's own rule is not known; the share of test pictures that get their own names is the ceiling.

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


def generating_link(folder: str, name: str, generator: str) -> Flowgraph:
    """A generator that is given the captions of test pictures, with both judges."""
    here = str(Path(folder) / name)
    fg = Flowgraph("wished")
    fg.source, fg.wishes = LabelledPictures(folder=here), Wishes(folder=here)
    fg.generator = PictureGenerator() if generator == DRAWN else StoredPictures(folder=folder)
    fg.judge, fg.colours = Judge(train=str(Path(here) / TRAIN)), ColourJudge(folder=here)
    fg.connect(fg.source["number"], fg.wishes)
    fg.connect(fg.wishes["text"], fg.generator)
    for judge in (fg.judge, fg.colours):
        fg.connect(fg.generator, judge["image"])
        fg.connect(fg.source["image"], judge["original"])
    fg.connect(fg.source["label"], fg.judge["label"])
    for place in PLACES:
        fg.connect(fg.wishes[place], fg.colours[place])
    for judge in (fg.judge, fg.colours):
        for port in judge.outputs:
            fg.connect(judge[port], fg[port])
    return fg


def colour_names(folder: str, place: str) -> Sequence[str]:
    """The names of colours in a set, in alphabetical order; one empty name where the data have none."""
    return sorted({name for split in (TRAIN, TEST) for name in _named(str(Path(folder) / split), place)})


def _named(file: str, place: str) -> Sequence[str]:
    attributes: Sequence[Mapping[str, str | None]] = [
        each.get("attributes", {}) for each in read_json(Path(file))["items"]
    ]
    return [each.get(place) or "" for each in attributes]


def _nearest(folder: str, place: str, image: Tensor) -> Tensor:
    points, names = _examples(folder, place)
    nearest = torch.cdist(_colour(image, place), points).topk(min(NEIGHBOURS, len(points)), largest=False).indices
    return names[nearest].mode(1).values


@cache
def _examples(folder: str, place: str) -> tuple[Tensor, Tensor]:
    """Colours [pictures, 3] and numbers of their names, of each third training picture."""
    file = str(Path(folder) / TRAIN)
    pictures = split_pictures(read_captioned_pictures(file), HOLD_OUT)[1]
    known, names = colour_names(folder, place), _named(file, place)[HOLD_OUT - 1 :: HOLD_OUT]
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
