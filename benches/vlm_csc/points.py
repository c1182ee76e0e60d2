"""What `linksim bench vlm_csc` simulates: the systems, the links, the points."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from linksim import Block, Decibels, Flowgraph
from linksim.benches.vlm_csc.judge import Judge, class_names
from linksim.blocks import FixedRate, PictureGenerator, RateAllocator
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures, split_pictures
from linksim.blocks.knowledge.retrieval import Retrieval
from linksim.errors import ParameterError
from linksim.flowgraphs import deepjscc, digital_text, klt, numbered_text, separation, vlm_csc
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.recipes.vlm_csc import HOLD_OUT
from linksim.flowgraphs.vlm_csc import CAPTION_WEIGHTS
from linksim.types import Image, Text, Uses

TRAIN, TEST = "train.json", "test.json"
RETRIEVAL, FLOW, DIGITAL = "VLM-CSC, retrieval", "VLM-CSC, flow", "captions by sentences + polar, retrieval"
EQUAL = "captions by sentences + polar, retrieval, equal uses"
NUMBERED = "captions by numbers, retrieval"
DESCRIBING = (RETRIEVAL, FLOW, DIGITAL, EQUAL, NUMBERED)
"""Those of VLM-CSC and `EQUAL` spend 2 channel uses per word on their payload, `DIGITAL` as few as the SNR allows,
`NUMBERED` 32 on each caption."""
SNRS_DB = (0.0, 2.0, 4.0, 7.0, 10.0)
PICTURES, CODED_PICTURES, CHUNK = 128, 64, 32
PICTURE_LINKS: Mapping[str, Callable[[float], Flowgraph]] = {
    "KLT": lambda cbr: klt(rate=RateAllocator(target_cbr_total=cbr)),
    "DeepJSCC": lambda cbr: deepjscc(rate=FixedRate(target_cbr_total=cbr)),
    "WebP + LDPC": lambda cbr: separation(codec="webp", target_cbr_total=cbr),
    "AVIF + LDPC": lambda cbr: separation(codec="avif", target_cbr_total=cbr),
}
USES = (256, 512, 1024, 2048)
USES_SNR_DB = 10.0
SAME_USES = 1024
"""At which picture codecs are measured against the SNR."""


class Labelled(NamedTuple):
    """Pictures, the numbers of their classes, and their places in the file."""

    image: Image
    label: Uses
    number: Uses


class LabelledPictures(Block):
    """The test pictures of a folder, one after the other, with the numbers of their classes and of the pictures.

    Shapes: image [batch, 3, height, width]; label and number [batch], of the class and of the place in test.json.
    """

    def __init__(self, *, folder: str) -> None:
        super().__init__()
        self.pictures = read_captioned_pictures(str(Path(folder) / TEST))
        self.classes = class_names(read_captioned_pictures(str(Path(folder) / TRAIN)))
        strange = sorted({picture.label for picture in self.pictures} - set(self.classes))
        if strange:
            raise ParameterError(f"'{folder}': {TEST} has the class '{strange[0]}', and {TRAIN} has not")

    def forward(self, batch: int) -> Labelled:
        numbers = [self.advance() % len(self.pictures) for _ in range(batch)]
        drawn = [self.pictures[number] for number in numbers]
        edge = drawn[0].pixels.shape[-1]
        labels = torch.tensor([self.classes.index(picture.label) for picture in drawn])
        pictures = torch.stack([picture.image(edge) for picture in drawn])
        return Labelled(*(each.to(self.device) for each in (pictures, labels, torch.tensor(numbers))))


class StoredPictures(Block):
    """The receiver's stored pictures: those of all sets that the judge has not seen."""

    def __init__(self, *, folder: str) -> None:
        super().__init__()
        self.folder, self.stored = folder, _stored(folder).pictures

    def forward(self, text: Text) -> Image:
        seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
        found = _stored(self.folder)([sentence or "a picture" for sentence in text.sentences], seed).to(self.device)
        return torch.where((text.length > 0)[:, None, None, None], found, 0.5)


@cache
def _stored(folder: str) -> Retrieval:
    kept = [split_pictures(read_captioned_pictures(str(each / TRAIN)), HOLD_OUT)[0] for each in sets(folder)]
    return Retrieval([picture for group in kept for picture in group])


def sets(folder: str) -> list[Path]:
    """The folders of labelled pictures in a folder. Raises `ParameterError` where there are none."""
    found = sorted(path.parent for path in Path(folder).glob(f"*/{TEST}") if (path.parent / TRAIN).is_file())
    if not found:
        raise ParameterError(f"'{folder}' has no folders with {TRAIN} and {TEST}")
    return found


def describing_link(folder: str, name: str, system: str) -> Flowgraph:
    """A system that sends captions, with its judge."""
    stored = StoredPictures(folder=folder)
    link = None
    if system in (DIGITAL, EQUAL):
        uses = TextCodec(CAPTION_WEIGHTS).uses_per_word if system == EQUAL else None
        link = digital_text(code="sentences", word_list=CAPTION_WEIGHTS, uses_per_word=uses)
    elif system == NUMBERED:
        link = numbered_text(word_list=CAPTION_WEIGHTS)
    generator = PictureGenerator() if system == FLOW else stored
    return _judged(folder, name, vlm_csc(link=link, generator=generator), ("uses_total", "cbr_total", "bleu_1"))


def picture_link(folder: str, name: str, system: str, uses: int) -> Flowgraph:
    """A system that sends the picture, in so many channel uses in all, with its judge."""
    edge = picture_edge(folder, name)
    return _judged(folder, name, PICTURE_LINKS[system](uses / (3 * edge**2)), ("cbr_total",))


def picture_edge(folder: str, name: str) -> int:
    """Height and width of a set's pictures in pixels."""
    return read_captioned_pictures(str(Path(folder) / name / TEST))[0].pixels.shape[-1]


def _judged(folder: str, name: str, link: Flowgraph, outputs: tuple[str, ...]) -> Flowgraph:
    fg = Flowgraph("judged", inputs={"snr_db": Decibels})
    fg.source, fg.link = LabelledPictures(folder=str(Path(folder) / name)), link
    fg.judge = Judge(train=str(Path(folder) / name / TRAIN))
    fg.connect(fg.source["image"], fg.link["image"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    fg.connect(fg.link["image"], fg.judge["image"])
    fg.connect(fg.source["image"], fg.judge["original"])
    fg.connect(fg.source["label"], fg.judge["label"])
    for port in ("right", "right_at_sender"):
        fg.connect(fg.judge[port], fg[port])
    for port in (*outputs, "erased"):
        fg.connect(fg.link[port], fg[port])
    return fg
