"""Whether a generator draws what a caption asks for: the class and the colours, without a channel."""

from pathlib import Path
from typing import NamedTuple

import torch

from linksim import Block, Flowgraph
from linksim.benches.vlm_csc.colours import PLACES, ColourJudge, colour_names, named
from linksim.benches.vlm_csc.judge import Judge
from linksim.benches.vlm_csc.points import TEST, TRAIN, LabelledPictures, StoredPictures
from linksim.blocks import PictureGenerator
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures
from linksim.types import Text, Uses

DRAWN, LOOKED_UP = "flow", "retrieval"
GENERATORS = (DRAWN, LOOKED_UP)


class Wish(NamedTuple):
    """The captions of test pictures, and the numbers of the colours that they were made from."""

    text: Text
    background: Uses
    subject: Uses


class Wishes(Block):
    """Caption and colours of test pictures.

    Args:
        folder: of one set, with train.json and test.json.

    Shapes: number [batch], places in test.json; text [batch, bytes]; background and subject [batch], numbers of
    `colour_names`.
    """

    def __init__(self, *, folder: str) -> None:
        super().__init__()
        self.pictures = read_captioned_pictures(str(Path(folder) / TEST))
        self.colours = {place: named(folder, TEST, place) for place in PLACES}
        self.known = {place: colour_names(folder, place) for place in PLACES}

    def forward(self, number: Uses) -> Wish:
        asked = number.tolist()
        colours = [
            torch.tensor([self.known[place].index(self.colours[place][each]) for each in asked]) for place in PLACES
        ]
        captions = Text.of([self.pictures[each].caption for each in asked])
        return Wish(captions.to(self.device), *(each.to(self.device) for each in colours))


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
